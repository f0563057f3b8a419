"""What is saved of one speaker's recordings: a report and a table, each recording at three levels of adaptation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hyper.compare.evaluation import Evaluation, simulated_note
from hyper.compare.speaker import Level, SpeakerComparison
from hyper.compare.utterance import ScoredUtterance
from hyper.compare.verdict import unreliable_text
from hyper.metrics.normalize import ENGLISH, counting_note
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import WordErrors
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.tables import Cell, Sheet
from hyper.reports.content import COUNTS_MEANING, WER_MEANING, clinic_report, slashed_counts
from hyper.reports.parts import (
    MARKS_MEANING,
    NO_REFERENCE,
    ClinicReport,
    RecordingPart,
    facts,
    hidden_note,
    transcript_part,
)
from hyper.reports.table import ERROR_COLUMNS, counts, reasons, recordings_sheet, shown_text
from hyper.reports.tongue import IN_ENGLISH, Tongue

TITLE = "Recordings of one speaker transcribed by base and adapted Whisper"
NAMES: dict[Level, str] = {
    "base": "base",
    "utterance": "adapted to the recording",
    "speaker": "adapted to the speaker",
}
LEVELS_MEANING = (
    "Base is Whisper as it is. Adapted is Whisper with small changes that a hypernetwork writes: from each recording "
    "by itself, or once from the mean of all of them."
)
COLUMNS = ("", "recordings", "words", "WER", "S / D / I")


def speaker_evaluation(
    comparison: SpeakerComparison,
    simulated: Sequence[bool],  # of each recording, whether a program made it
    fingerprint: str,  # of the base's weights
    language: str = ENGLISH,
) -> Evaluation:
    """The recordings as a list of many has them, each adapted by itself."""
    utterances = [
        ScoredUtterance(
            ManifestRow(each.file, Path(each.file), each.reference or "", simulated=is_simulated),
            each.rows["base"],
            each.rows["utterance"],
            seconds=each.seconds,
            doubts=each.verdict.doubts,
        )
        for each, is_simulated in zip(comparison.recordings, simulated, strict=True)
    ]
    return Evaluation(
        comparison.base_model,
        comparison.hypernetwork,
        comparison.device,
        tuple(utterances),
        (),
        language,
        fingerprint,
    )


def speaker_sheet(comparison: SpeakerComparison, evaluation: Evaluation) -> Sheet:
    """The table of many recordings, with what adapting to the speaker gave at its end."""
    sheet, name = recordings_sheet(evaluation), NAMES["speaker"]
    columns = (*sheet.columns, name, *(f"{name} {each}" for each in (*ERROR_COLUMNS, "warnings")))
    of_speaker: list[list[Cell]] = [
        [shown_text(row), *counts(row.errors), reasons(row.flags)]
        for row in (each.rows["speaker"] for each in comparison.recordings)
    ]
    lines = [[*line, *more] for line, more in zip(sheet.lines, of_speaker, strict=True)]
    return Sheet(sheet.title, columns, lines)


def speaker_report(
    comparison: SpeakerComparison,
    evaluation: Evaluation,  # of the same recordings
    *,
    subject: str = "",
    now: datetime | None = None,
    tongue: Tongue = IN_ENGLISH,
) -> ClinicReport:
    """The report. Recordings go by their numbers: a file's name may say who spoke."""
    say = tongue.say
    unnamed = frozenset(each.file for each in comparison.recordings)
    listed = clinic_report(evaluation, subject=subject, unnamed=unnamed, with_figures=False, now=now, tongue=tongue)
    pooled = comparison.pooled if comparison.pooled and comparison.pooled["base"].wer is not None else None
    unreliable = unreliable_text([each.doubts for each in evaluation.utterances], say)
    outcome = say(speaker_outcome(comparison) if pooled else NO_REFERENCE)
    notes = [WER_MEANING, COUNTS_MEANING, MARKS_MEANING, counting_note(evaluation.language)] if pooled else []
    rows = [row for each in comparison.recordings for row in each.rows.values()]
    settings = f"language {evaluation.language}, strength 1, greedy decoding"
    return replace(
        listed,
        title=say(TITLE),
        outcome=f"{outcome} {unreliable}".rstrip(),
        group_columns=("", *map(say, COLUMNS[1:])),
        group_lines=tuple(_line(level, errors, evaluation, tongue) for level, errors in (pooled or {}).items()),
        group_notes=tuple(say(note) for note in (LEVELS_MEANING, *notes, hidden_note(rows) if pooled else "") if note),
        recordings=tuple(
            _part(part, comparison, i, evaluation.language, tongue) for i, part in enumerate(listed.recordings)
        ),
        facts=facts(
            comparison.base_model,
            evaluation.fingerprint,
            comparison.hypernetwork,
            settings,
            comparison.device,
            evaluation.language,
            tongue,
        ),
    )


def speaker_outcome(comparison: SpeakerComparison) -> str:
    """What came of it where something was meant, in one sentence."""
    assert comparison.pooled is not None
    base, utterance, speaker = (comparison.pooled[level].n_errors for level in NAMES)
    before = f"{base:,} error{'' if base == 1 else 's'}"
    return (
        f"{before} before; {utterance or 'none'} when tuned to each recording, {speaker or 'none'} when tuned to the "
        "speaker."
    )


def _line(level: Level, errors: WordErrors, evaluation: Evaluation, tongue: Tongue) -> tuple[str, ...]:
    group = evaluation.group("all", "all")
    return (
        f"{tongue.say(NAMES[level])} {tongue.say(simulated_note(group).strip())}".rstrip(),
        str(group.n_utterances),
        str(errors.n_reference),
        tongue.say(percent(errors.wer)),
        slashed_counts(errors),
    )


def _part(listed: RecordingPart, comparison: SpeakerComparison, i: int, language: str, tongue: Tongue) -> RecordingPart:
    """The recording with its transcript at each level."""
    recording = comparison.recordings[i]
    rows = (
        transcript_part(NAMES[level], row, recording.reference, language, tongue)
        for level, row in recording.rows.items()
    )
    return replace(listed, rows=tuple(rows))
