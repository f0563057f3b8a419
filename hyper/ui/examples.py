"""The example recordings, with labels that say what is simulated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyper.compare.example_sets import manifests
from hyper.recordings.manifest import COHORT_NAMES, TYPICAL, ManifestRow, read_manifest
from hyper.ui.languages import say

OUTCOMES = {  # what adapting does to an example
    "gain": "adapted, the model makes fewer errors here",
    "tie": "adapting does not help here",
    "harm": "adapted, the model makes more errors here",
}
DOUBTFUL = "what the model writes here is not reliable"  # whatever its errors
LIKE_IT = "as with {n} of {total} recordings that were drawn"
_DRAWN = re.compile(r"\w+: ([\d,]+) of ([\d,]+) drawn\b")  # in a manifest's note, as `make-examples` writes it
SIMULATED = "simulated "  # how the label of an example begins that a simulator made


@dataclass(frozen=True)
class Example:
    """A recording to try."""

    path: Path
    reference: str
    label: str  # "simulated stuttering, moderate"
    licence: str
    outcome: str = ""  # gain, tie, harm, right; "" where nobody tried it
    cohort: str = ""
    of_base: str = ""  # the folder of the base that it was chosen for; "" of the bundled pair's
    pair: str = ""  # the weights that it was chosen with
    chosen_with: str = ""  # what is to be known of them
    drawn: tuple[str, str] | None = None  # how many had its outcome, of how many that it was chosen from
    doubt: str = ""  # the gravest reason why its result is not reliable, so that no success is claimed of it
    is_simulated: bool = False  # whether a program made typical speech atypical

    @property
    def verdict(self) -> str:
        """What its result is said to be: an outcome, or that it is not reliable."""
        return "doubt" if self.doubt else self.outcome

    @property
    def said_label(self) -> str:
        """In the visitor's language."""
        return ", ".join(map(say, self.label.split(", ")))

    @property
    def note(self) -> str:
        """What the page says while the example is loaded."""
        licence = f"; {say('licence')}: {self.licence}" if self.licence else ""
        outcome = f"; {say(OUTCOMES[self.outcome])}" if self.outcome in OUTCOMES else ""
        if outcome and self.drawn:
            outcome += f", {say(LIKE_IT, n=self.drawn[0], total=self.drawn[1])}"
        if self.doubt:
            outcome = f"; {say(DOUBTFUL)}"
        chosen_with = f" {say(self.chosen_with)}" if self.chosen_with else ""
        return f"{say('Example')}: {self.said_label}{outcome}{licence}.{chosen_with}"


def example_of(examples: Iterable[Example], recording: Path) -> Example | None:
    """The example that a recording is a copy of; None of a visitor's own."""
    named = (each for each in examples if each.path.name == recording.name)
    return next((each for each in named if each.path.read_bytes() == recording.read_bytes()), None)


def read_examples(manifest: Path, of_base: str = "") -> list[Example]:
    """The examples of one set; none where there is no manifest."""
    if not manifest.is_file():
        return []
    rows = read_manifest(manifest)
    return [
        Example(
            row.path,
            row.reference,
            label(row, rows),
            row.licence,
            row.outcome,
            row.cohort,
            of_base,
            row.pair,
            row.chosen_with,
            _drawn(row.note),
            row.doubt,
            row.simulated,
        )
        for row in rows
    ]


def _drawn(note: str) -> tuple[str, str] | None:
    """The counts in an example's note; None where it has none, as of a list of one's own."""
    found = _DRAWN.match(note)
    return (found[1], found[2]) if found else None


def read_all_examples(bundled: Path) -> list[Example]:
    """The bundled pair's, then those of the bases that have examples of their own."""
    return [example for of_base, path in manifests(bundled).items() for example in read_examples(path, of_base)]


def in_order(examples: Sequence[Example]) -> list[Example]:
    """First one that gains, a tie, a harm and typical speech, each of another cohort where it can be; then the rest."""
    chosen: dict[str, Example] = {}
    for kind in ("harm", "tie", "gain", TYPICAL):  # the rarest first: there the cohort cannot be chosen
        found = [each for each in examples if kind == (TYPICAL if each.cohort == TYPICAL else each.verdict)]
        cohorts = {each.cohort for each in chosen.values()}
        if found:
            chosen[kind] = min(found, key=lambda each: each.cohort in cohorts)
    first = [chosen[kind] for kind in ("gain", "tie", "harm", TYPICAL) if kind in chosen]
    return [*first, *(each for each in examples if each not in first)]


def label(row: ManifestRow, rows: list[ManifestRow]) -> str:
    """What kind of speech it is; numbered where several rows would read the same."""
    twins = [other for other in rows if (other.cohort, other.severity) == (row.cohort, row.severity)]
    cohort = COHORT_NAMES.get(row.cohort, row.cohort)
    parts = [(SIMULATED if row.simulated else "") + (cohort or "recording")]
    if row.severity:
        parts.append(row.severity)
    if len(twins) > 1:
        parts.append(str(twins.index(row) + 1))
    return ", ".join(parts)
