"""The report on one recording: what it says, which fits one page unless the recording is long."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hyper.compare.comparison import Comparison
from hyper.compare.row import Row
from hyper.metrics.normalize import counting_note
from hyper.metrics.word_errors import WordErrors
from hyper.reports.parts import (
    ADAPTED_MEANING,
    MARKS_MEANING,
    NO_REFERENCE,
    ClinicReport,
    RecordingPart,
    TranscriptPart,
    cautions,
    facts,
    transcript_part,
)

TITLE = "One recording transcribed by base and adapted Whisper"
NO_SPEECH = "(no speech found)"


def recording_report(
    comparison: Comparison,
    name: str,  # of the recording
    fingerprint: str,  # of the base's weights
    *,
    subject: str = "",
    simulated: str = "",  # a sentence, where a program made the recording
    now: datetime | None = None,
) -> ClinicReport:
    """The report. Of the person it says what was typed, and nothing else."""
    rows = tuple(
        _part(row_name, row, comparison.reference, comparison.language)
        for row_name, row in (("base", comparison.base), ("adapted", comparison.adapted))
        if row is not None
    )
    is_marked = any(row.words for row in rows)
    pieces = f", {comparison.n_pieces} pieces" if comparison.n_pieces > 1 else ""
    return ClinicReport(
        title=TITLE,
        subject=subject.strip(),
        remarks="",
        date=f"{now or datetime.now().astimezone():%d %B %Y, %H:%M}",
        cautions=cautions(comparison.base_model, comparison.hypernetwork, simulated),
        outcome=_outcome(comparison),
        group_columns=(),
        group_lines=(),
        group_notes=(
            ADAPTED_MEANING,
            *filter(None, [MARKS_MEANING if is_marked else "", counting_note(comparison.language)]),
        ),
        figures=(),
        recordings=(RecordingPart(f"{name} · {comparison.seconds:.1f} s", comparison.reference or "", rows),),
        failures=(),
        facts=facts(
            comparison.base_model,
            fingerprint,
            comparison.hypernetwork,
            f"language {comparison.language}, strength {comparison.strength:g}, greedy decoding{pieces}",
            comparison.device,
            comparison.language,
        ),
    )


def count_text(errors: WordErrors) -> str:
    """The errors of one text in words: of a single sentence a rate says less."""
    if not errors.n_errors:
        return f"all {errors.n_reference} words right" if errors.n_reference > 1 else "the one word right"
    found = f"{errors.n_errors} error{'' if errors.n_errors == 1 else 's'}"
    words = f"{errors.n_reference} word{'' if errors.n_reference == 1 else 's'}"
    kinds = {"replaced": errors.substitutions, "missing": errors.deletions, "added": errors.insertions}
    return f"{found} in {words} ({', '.join(f'{n} {kind}' for kind, n in kinds.items() if n)})"


def _part(name: str, row: Row, reference: str | None, language: str) -> TranscriptPart:
    """The transcript; where nobody speaks, that it was not written by a voice."""
    part = transcript_part(name, row, reference, language)
    if row.heard_nobody:
        return replace(part, text=NO_SPEECH, words=(), score="")
    return replace(part, score=count_text(row.counted) if _is_counted(row) else "")


def _outcome(comparison: Comparison) -> str:
    """What came of it, in counts."""
    named = [("Base", comparison.base), ("Adapted", comparison.adapted)]
    if all(row.heard_nobody for row in comparison.rows):
        return "No speech was found, so there is nothing to count."
    counts = [f"{name}: {count_text(row.counted)}." for name, row in named if row and _is_counted(row)]
    return " ".join(counts) or NO_REFERENCE


def _is_counted(row: Row) -> bool:
    return row.errors is not None and row.errors.n_reference > 0 and not row.heard_nobody
