"""The report on one recording: what it says, which fits one page unless the recording is long."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeGuard

from hyper.compare.comparison import Comparison
from hyper.compare.row import Row
from hyper.metrics.normalize import counting_note
from hyper.metrics.word_errors import WordErrors
from hyper.recordings.counts import count
from hyper.reports.parts import (
    ADAPTED_MEANING,
    MARKS_MEANING,
    NO_REFERENCE,
    ClinicReport,
    RecordingPart,
    TranscriptPart,
    cautions,
    date_text,
    facts,
    texts_json,
    transcript_part,
    warning_text,
)
from hyper.reports.tongue import IN_ENGLISH, Tongue

TITLE = "One recording transcribed by base and adapted Whisper"


def recording_report(
    comparison: Comparison,
    name: str,  # of the recording
    fingerprint: str,  # of the base's weights
    *,
    subject: str = "",
    simulated: str = "",  # a sentence, where a program made the recording or it is an example
    is_simulated: bool = False,  # whether a program made it atypical
    now: datetime | None = None,
    tongue: Tongue = IN_ENGLISH,
) -> ClinicReport:
    """The report. Of the person it says what was typed, and nothing else."""
    rows = tuple(
        _part(row_name, row, comparison, tongue)
        for row_name, row in (("base", comparison.base), ("adapted", comparison.adapted))
        if row is not None
    )
    return ClinicReport(
        title=tongue.say(TITLE),
        subject=subject.strip(),
        remarks="",
        date=date_text(now, tongue),
        cautions=cautions(comparison.hypernetwork, simulated, tongue),
        outcome=_outcome(comparison, tongue),
        group_columns=(),
        group_lines=(),
        group_notes=_notes(comparison, tongue, is_marked=any(row.words for row in rows)),
        figures=(),
        recordings=(
            RecordingPart(
                f"{name} · {tongue.say(f'{comparison.seconds:.1f} s')}",
                comparison.reference or "",
                rows,
                comparison.verbatim or "",
            ),
        ),
        failures=(),
        facts=facts(
            comparison.base_model,
            fingerprint,
            comparison.hypernetwork,
            _settings_text(comparison),
            comparison.device,
            comparison.language,
            tongue,
        ),
        texts=texts_json(comparison.language, _counted_texts(comparison, is_simulated), comparison.strength),
        tongue=tongue,
    )


def _notes(comparison: Comparison, tongue: Tongue, is_marked: bool) -> tuple[str, ...]:
    """What is to be known of the transcripts, and of how words are counted."""
    marks = MARKS_MEANING if is_marked else ""
    notes = (ADAPTED_MEANING, marks, counting_note(comparison.language), comparison.count_note)
    return tuple(tongue.say(note) for note in notes if note)


def _settings_text(comparison: Comparison) -> str:
    pieces = f", {comparison.n_pieces} pieces" if comparison.n_pieces > 1 else ""
    return f"language {comparison.language}, strength {comparison.strength:g}, greedy decoding{pieces}"


def count_text(errors: WordErrors, tongue: Tongue = IN_ENGLISH) -> str:
    """The errors of one text in words: of a single sentence a rate says less."""
    if not errors.n_errors:
        return tongue.say(f"all {errors.n_reference} words right" if errors.n_reference > 1 else "the one word right")
    found = f"{count(errors.n_errors, 'error')} in {count(errors.n_reference, 'word')}"
    kinds = {"replaced": errors.substitutions, "missing": errors.deletions, "added": errors.insertions}
    by_kind = ", ".join(tongue.say(f"{n} {kind}") for kind, n in kinds.items() if n)
    return f"{tongue.say(found)} ({by_kind})"


def _part(name: str, row: Row, comparison: Comparison, tongue: Tongue) -> TranscriptPart:
    """The transcript with its errors as a count; where nobody speaks nothing is counted."""
    part = transcript_part(name, row, comparison.reference, comparison.language, tongue)
    return replace(part, score=_score(row, tongue))


def _score(row: Row, tongue: Tongue) -> str:
    """The errors against what was meant, and against every sound that was said; "" where neither is known."""
    counts = [count_text(row.errors, tongue)] if _is_counted(row.errors, row) else []
    if _is_counted(row.verbatim_errors, row):
        counts.append(f"{tongue.say('verbatim')}: {count_text(row.verbatim_errors, tongue)}")
    return "; ".join(counts)


def _outcome(comparison: Comparison, tongue: Tongue) -> str:
    """Whether it is reliable, and what came of it in counts."""
    named = [("Base", comparison.base), ("Adapted", comparison.adapted)]
    if all(row.heard_nobody for row in comparison.rows):
        return tongue.say("No speech was found, so there is nothing to count.")
    counts = [f"{tongue.say(name)}: {score}." for name, row in named if row and (score := _score(row, tongue))]
    warning = warning_text(comparison.verdict.reasons, tongue)
    return f"{warning} {' '.join(counts) or tongue.say(NO_REFERENCE)}".lstrip()


def _counted_texts(comparison: Comparison, is_simulated: bool) -> list[tuple[str | None, Row, Row | None, bool]]:
    """The recording, for comparing sessions; none where a row's words are hidden, and so are not counted."""
    if any(row.heard_nobody for row in comparison.rows):
        return []
    return [(comparison.reference, comparison.base, comparison.adapted, is_simulated)]


def _is_counted(errors: WordErrors | None, row: Row) -> TypeGuard[WordErrors]:
    return errors is not None and errors.n_reference > 0 and not row.heard_nobody
