"""One recording of many: both transcripts with their errors, or why it could not be used; and its record in JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hyper.compare.choice import Preferred
from hyper.compare.row import Row, check_references
from hyper.compare.verdict import Doubt, reasons_of, weigh
from hyper.metrics.normalize import ENGLISH
from hyper.metrics.word_errors import word_errors
from hyper.model.subspace import LayerSize
from hyper.recordings.manifest import ManifestRow


def utterance_record(
    *,
    file: str | None,
    reference: str | None,
    speaker: str | None,
    cohort: str | None,
    severity: str | None,
    verbatim: str | None,
    base: Row,
    adapted: Row | None,
) -> dict[str, Any]:
    """One recording's result in the one vocabulary that every command writes."""
    errors, verbatim_errors, stopped = {}, {}, {}
    for name, row in (("base", base), ("adapted", adapted)):
        errors[f"{name}_errors"] = row and row.errors and row.errors.to_json()
        verbatim_errors[f"{name}_verbatim_errors"] = row and row.verbatim_errors and row.verbatim_errors.to_json()
        stopped[name] = row and row.transcript.stopped
    return {
        "file": file,
        "reference": reference,
        "speaker": speaker,
        "cohort": cohort,
        "severity": severity,
        "base": base.text,
        "adapted": adapted and adapted.text,
        **errors,
        "verbatim": verbatim,
        **verbatim_errors,
        "stopped": stopped,
    }


def flags_record(base: Row, adapted: Row | None) -> dict[str, list[dict[str, Any]]]:
    """What speaks against each transcript; nothing against one that there is not."""
    rows = {"base": base, "adapted": adapted}
    return {name: [flag.to_json() for flag in row.flags] if row else [] for name, row in rows.items()}


def no_speech_record(base: Row, adapted: Row | None) -> dict[str, bool]:
    """Whether nobody speaks, as far as each transcript can tell, so that no word of it should be taken for said."""
    return {"base": base.heard_nobody, "adapted": adapted is not None and adapted.heard_nobody}


@dataclass(frozen=True)
class ScoredUtterance:
    """One recording's two transcripts with their errors (None without reference)."""

    recording: ManifestRow
    base: Row
    adapted: Row | None  # None without hypernetwork
    layers: tuple[LayerSize, ...] = ()  # () without hypernetwork
    seconds: float | None = None  # length of the recording
    preferred: Preferred | None = None  # the row to show first; None where no rule was fitted
    doubts: tuple[Doubt, ...] = ()  # why the result is not reliable

    @property
    def chosen(self) -> Row:
        """The row to show first; without a rule the adapted one."""
        return self.base if self.adapted is None or self.preferred == "base" else self.adapted

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the result is not reliable, in sentences."""
        return reasons_of(self.doubts)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The base, and the adapted row where there is one."""
        return (self.base,) if self.adapted is None else (self.base, self.adapted)

    @property
    def change(self) -> float | None:
        """Adapted WER minus base WER, a fraction; None where either has none."""
        base, adapted = self.base.errors, self.adapted and self.adapted.errors
        if base is None or adapted is None or base.wer is None or adapted.wer is None:
            return None
        return adapted.wer - base.wer

    def with_reference(self, reference: str, language: str) -> ScoredUtterance:
        """The same transcripts, counted against another text; "" counts nothing. Errors: `TextError`."""
        check_references(reference)

        def counted(row: Row) -> Row:
            return replace(row, errors=word_errors(reference, row.text, language) if reference else None)

        recording = replace(self.recording, reference=reference)
        return replace(
            self, recording=recording, base=counted(self.base), adapted=self.adapted and counted(self.adapted)
        )

    def to_json(self, language: str = ENGLISH) -> dict[str, Any]:
        """The utterance record; `simulated` because no figure may leave it out."""
        recording = self.recording
        record = utterance_record(
            file=recording.file,
            reference=recording.reference or None,
            speaker=recording.speaker or None,
            cohort=recording.cohort or None,
            severity=recording.severity or None,
            verbatim=recording.verbatim or None,
            base=self.base,
            adapted=self.adapted,
        )
        return {
            **record,
            "simulated": recording.simulated,
            "note": recording.note or None,
            "seconds": self.seconds,
            "preferred": self.preferred,
            "verdict": weigh(self.doubts, self.base, self.adapted, language).to_json(),
            "no_speech": no_speech_record(self.base, self.adapted),
            "flags": flags_record(self.base, self.adapted),
            "layers": [layer.to_json() for layer in self.layers],
        }


@dataclass(frozen=True)
class Failure:
    """A recording that could not be used, and why."""

    recording: ManifestRow
    reason: str

    @property
    def file(self) -> str:
        """As the manifest calls it."""
        return self.recording.file
