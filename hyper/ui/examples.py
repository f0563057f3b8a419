"""The example recordings, with labels that say what is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hyper.recordings.manifest import ManifestRow, read_manifest

OUTCOMES = {  # what the manifest says an example was chosen to show
    "gain": "the bundled pair makes fewer errors here",
    "tie": "the bundled pair helps nothing here",
    "harm": "the bundled pair makes more errors here",
}
COHORT_NAMES = {"parkinsons": "Parkinson's", "typical": "typical speech"}  # the others are called what they are


@dataclass(frozen=True)
class Example:
    """A recording to try."""

    path: Path
    reference: str
    label: str  # "simulated stuttering, moderate"
    licence: str
    outcome: str = ""  # gain, tie, harm; anything else is not worth a word

    @property
    def note(self) -> str:
        """What the page says while the example is loaded."""
        licence = f"; licence: {self.licence}" if self.licence else ""
        outcome = f"; {OUTCOMES[self.outcome]}" if self.outcome in OUTCOMES else ""
        return f"Example: {self.label}{outcome}{licence}."


def read_examples(manifest: Path) -> list[Example]:
    """All examples; none where there is no manifest."""
    if not manifest.is_file():
        return []
    rows = read_manifest(manifest)
    return [Example(row.path, row.reference, label(row, rows), row.licence, row.outcome) for row in rows]


def label(row: ManifestRow, rows: list[ManifestRow]) -> str:
    """What kind of speech it is; numbered where several rows would read the same."""
    twins = [other for other in rows if (other.cohort, other.severity) == (row.cohort, row.severity)]
    cohort = COHORT_NAMES.get(row.cohort, row.cohort)
    parts = [("simulated " if row.simulated else "") + (cohort or "recording")]
    if row.severity:
        parts.append(row.severity)
    if len(twins) > 1:
        parts.append(str(twins.index(row) + 1))
    return ", ".join(parts)
