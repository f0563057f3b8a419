"""The report on many recordings: what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from hyper.compare.evaluation import Evaluation, simulated_note, simulated_share
from hyper.compare.groups import Group
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.compare.verdict import unreliable_text
from hyper.metrics.intervals import Interval
from hyper.metrics.normalize import counting_note
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import WordErrors
from hyper.plots import style as plot_style
from hyper.plots.report import WerLine, has_letters, layer_figure, wer_figures
from hyper.recordings.counts import count
from hyper.reports.parts import (
    ADAPTED_MEANING,
    MARKS_MEANING,
    NO_REFERENCE,
    ClinicReport,
    FigurePart,
    RecordingPart,
    cautions,
    date_text,
    facts,
    hidden_note,
    texts_json,
    transcript_part,
    warning_text,
)
from hyper.reports.table import INTERVAL_MEANING, shown_groups, wer_intervals
from hyper.reports.tongue import IN_ENGLISH, Tongue

TITLE = "Recordings transcribed by base and adapted Whisper"
FIGURE_DPI = 160  # of a page that is read on paper
LONGEST_NAME = 50  # characters of a speaker's name in the table: a longer one would make a row that fills the page
WER_MEANING = (
    "Word error rate (WER): wrong, missing and added words for every word that was meant; it can exceed 100 %. "
    "Substituted: another word is in its place. Deleted: the word is missing. Inserted: a word was added."
)
GROUP_COLUMNS = (
    "recordings", "words", "base WER", "95 %", "adapted WER", "95 %", "base S / D / I", "adapted S / D / I"
)  # fmt: skip
COUNTS_MEANING = "S / D / I count them."
NO_ERRORS = "no errors"  # in place of an interval
LINES_MEANING = "Lines: 95 % intervals, where there are five recordings."
LAYER_MEANING = "How far each layer of the model was changed for these recordings, next to the size of its own weights."


def clinic_report(
    evaluation: Evaluation,
    *,
    subject: str = "",
    remarks: str = "",
    unnamed: frozenset[str] = frozenset(),  # files whose names may say who spoke: they go by their number
    with_figures: bool = True,
    now: datetime | None = None,
    tongue: Tongue = IN_ENGLISH,
) -> ClinicReport:
    """The report. Of people it says what the evaluation's rows and the two typed texts say, and nothing else."""

    def name(number: int, file: str) -> str:  # with its place in the list
        return say(f"recording {number}") if file in unnamed else f"{number} {file}"

    say = tongue.say

    groups = shown_groups(evaluation)
    failures = enumerate(evaluation.failures, start=len(evaluation.utterances) + 1)
    return ClinicReport(
        title=say(TITLE),
        subject=subject.strip(),
        remarks=remarks.strip(),
        date=date_text(now, tongue),
        cautions=_cautions(evaluation, tongue),
        outcome=reliable_outcome(evaluation, say),
        group_columns=("", *map(say, GROUP_COLUMNS)),
        group_lines=tuple(_shown_line(group, tongue) for group in groups),
        group_notes=_group_notes(groups, evaluation, tongue),
        figures=tuple(_figures(evaluation, name, tongue)) if with_figures else (),
        recordings=tuple(
            _part(i, name, utterance, evaluation.language, tongue)
            for i, utterance in enumerate(evaluation.utterances, start=1)
        ),
        failures=tuple(_failure_text(number, name, failure, unnamed, tongue) for number, failure in failures),
        facts=facts(
            evaluation.base_model,
            evaluation.fingerprint,
            evaluation.hypernetwork,
            f"language {evaluation.language}, one adaptation for each recording, strength 1, greedy decoding",
            evaluation.device,
            evaluation.language,
            tongue,
        ),
        texts=texts_json(
            evaluation.language,
            (
                (each.recording.reference or None, each.base, each.adapted, each.recording.simulated)
                for each in evaluation.utterances
            ),
        ),
        tongue=tongue,
    )


def evaluation_outcome(evaluation: Evaluation) -> str:
    """The outcome in one sentence."""
    n = len(evaluation.utterances)
    recordings = count(n, "recording")
    if not evaluation.groups:
        return f"{recordings}. {NO_REFERENCE}"
    group = evaluation.group("all", "all")
    base = f"base {percent(group.base.wer)}"
    adapted = f", adapted {percent(group.adapted.wer)}" if group.adapted else ", no adaptation for this model"
    scored = "" if group.n_utterances == n else f", {group.n_utterances} of them with a reference text"
    return f"{recordings}{scored}. Word error rate, all words pooled: {base}{adapted}."


def reliable_outcome(evaluation: Evaluation, say: Callable[[str], str]) -> str:
    """The outcome, and how much of it is not reliable."""
    unreliable = unreliable_text([each.doubts for each in evaluation.utterances], say)
    return f"{say(evaluation_outcome(evaluation))} {unreliable}".rstrip()


def interval_text(interval: Interval | None) -> str:
    """Both ends in per cent."""
    return "–" if interval is None else f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def _part(
    number: int, name: Callable[[int, str], str], utterance: ScoredUtterance, language: str, tongue: Tongue
) -> RecordingPart:
    """One recording with both transcripts."""
    recording = utterance.recording
    seconds = "" if utterance.seconds is None else tongue.say(f"{utterance.seconds:.1f} s")
    known = (
        name(number, recording.file),
        recording.speaker,
        recording.note,
        seconds,
        tongue.say("simulated") if recording.simulated else "",
        warning_text(utterance.reasons, tongue),
    )
    rows = [transcript_part("base", utterance.base, recording.reference, language, tongue)]
    if utterance.adapted is not None:
        rows.append(transcript_part("adapted", utterance.adapted, recording.reference, language, tongue))
    return RecordingPart(" · ".join(filter(None, known)), recording.reference, tuple(rows))


def _failure_text(
    number: int, name: Callable[[int, str], str], failure: Failure, unnamed: frozenset[str], tongue: Tongue
) -> str:
    """The recording and why it could not be used, without a name that may not be written."""
    reason = tongue.say(failure.reason)
    if failure.file in unnamed:
        reason = reason.replace(failure.recording.path.name, tongue.say("The file"))
    return f"{name(number, failure.file)}: {reason}"


def _cautions(evaluation: Evaluation, tongue: Tongue) -> tuple[str, ...]:
    n, n_simulated = len(evaluation.utterances), sum(u.recording.simulated for u in evaluation.utterances)
    which = "All of these recordings are" if n_simulated == n else f"{n_simulated} of these {n} recordings are"
    simulated = f"{which} simulated: a program made typical speech atypical. They are marked." if n_simulated else ""
    return cautions(evaluation.hypernetwork, simulated, tongue)


def rate_cells(group: Group) -> tuple[str, ...]:
    """Recordings and words of a group, then WER and its interval, of the base and adapted."""
    over, base, adapted = wer_intervals(group)
    return (
        str(group.n_utterances),
        str(group.base.n_reference),
        percent(group.base.wer),
        NO_ERRORS if over and group.base.n_errors == 0 else interval_text(base),
        percent(group.adapted.wer) if group.adapted else "–",
        NO_ERRORS if over and group.adapted and group.adapted.n_errors == 0 else interval_text(adapted),
    )


def _shown_line(group: Group, tongue: Tongue) -> tuple[str, ...]:
    name = group.value if len(group.value) <= LONGEST_NAME else f"{group.value[: LONGEST_NAME - 1]}…"
    label = tongue.say("all recordings" if group.by == "all" else f"speaker {name}")
    return (
        f"{label} {tongue.say(simulated_note(group).strip())}".rstrip(),
        *map(tongue.say, rate_cells(group)),
        slashed_counts(group.base),
        slashed_counts(group.adapted),
    )


def slashed_counts(errors: WordErrors | None) -> str:
    """Substituted, deleted and inserted words."""
    return "–" if errors is None else f"{errors.substitutions} / {errors.deletions} / {errors.insertions}"


def _group_notes(groups: Sequence[Group], evaluation: Evaluation, tongue: Tongue) -> tuple[str, ...]:
    """What the words and the intervals of the table mean."""
    say = tongue.say
    if not groups:
        return (say(ADAPTED_MEANING),)
    over = dict.fromkeys(wer_intervals(group)[0] for group in groups)
    return (
        say(ADAPTED_MEANING),
        " ".join(map(say, filter(None, (WER_MEANING, COUNTS_MEANING, counting_note(evaluation.language))))),
        say(MARKS_MEANING),
        *([say(hidden)] if (hidden := hidden_note(evaluation.rows)) else []),
        *(say(INTERVAL_MEANING[each]) for each in over),
    )


def _figures(evaluation: Evaluation, name: Callable[[int, str], str], tongue: Tongue) -> list[FigurePart]:
    """WER of each speaker and each recording where something was meant; the layers where there is an adaptation."""
    numbered = list(enumerate(evaluation.utterances, start=1))
    recordings = [
        WerLine(
            _drawn_name(name(i, each.recording.file), f"recording {i}", tongue),
            wer,
            each.adapted and each.adapted.counted.wer,
        )
        for i, each in numbered
        if each.base.errors is not None and (wer := each.base.errors.wer) is not None
    ]
    spoken = [group for group in shown_groups(evaluation) if group.by == "speaker"]
    speakers = [
        WerLine(
            _drawn_name(group.value, f"speaker {i}", tongue),
            wer,
            group.adapted and group.adapted.wer,
            *wer_intervals(group)[1:],
        )
        for i, group in enumerate(spoken, start=1)
        if (wer := group.base.wer) is not None
    ]
    parts = []
    if 1 < len(speakers) < len(recordings):  # with one recording each the two figures would be one
        parts += [("Word error rate of each speaker", LINES_MEANING, figure) for figure in wer_figures(speakers)]
    parts += [("Word error rate of each recording", WER_MEANING, figure) for figure in wer_figures(recordings)]
    sizes = [utterance.layers for utterance in evaluation.utterances if utterance.layers]
    if sizes:
        parts.append(("Where the model was changed", LAYER_MEANING, layer_figure(sizes)))
    say, n_simulated = tongue.say, sum(each.recording.simulated for each in evaluation.utterances)
    simulated = simulated_share(n_simulated, len(evaluation.utterances))
    return [
        FigurePart(
            f"{say(title)} {say(simulated)}".rstrip(),
            say(reading),
            plot_style.png(plot_style.worded(figure, say), FIGURE_DPI),
        )
        for title, reading, figure in parts
    ]


def _drawn_name(name: str, number: str, tongue: Tongue) -> str:
    """A name as a figure shows it; where the font lacks its letters, the place in the list or in the table."""
    return name if has_letters(name) else tongue.say(number)
