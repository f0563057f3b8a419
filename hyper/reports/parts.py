"""What a report for a clinician's file is made of, in plain text and figures, and the words that all reports share."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from hyper.compare.columns import align_as_written
from hyper.compare.evaluation import error_counts
from hyper.compare.row import Row
from hyper.metrics.normalize import counting
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import WordErrors, WordSpan
from hyper.model.files import ASSETS
from hyper.reports.table import reasons
from hyper.reports.tongue import Tongue

CAUTION = (
    "Not intended for the diagnosis, treatment, mitigation or prevention of any disease. Nothing here, neither error "
    "rates nor the size of the adaptation, says anything about a person's health. A transcript can contain words that "
    "nobody said: check it against the recording before anything depends on it."
)
SIMULATED_TRAINING = (
    "All atypical speech that the bundled hypernetwork learned from was simulated. How well it serves real patients "
    "has not been measured."
)
ADAPTED_MEANING = (
    "Base is Whisper as it is. Adapted is Whisper with small changes that a hypernetwork writes from the recording "
    "itself."
)
MARKS_MEANING = (
    "Marked words: underlined, with what was meant below it, where another word was written; struck out where a word "
    "is missing; boxed where one was added."
)
MEANT, VERBATIM = "What was meant", "What was said (verbatim)"
NO_SPEECH = "(no speech found)"  # in place of words that nobody said
HIDDEN_MEANING = "Where no speech was found, what the model wrote anyway is not shown, but it is counted."
NO_REFERENCE = "No reference text was given, so nothing is counted: a transcript alone cannot show what is right."


@dataclass(frozen=True)
class TranscriptPart:
    """One of the two transcripts of a recording."""

    name: str  # base or adapted
    text: str
    words: tuple[WordSpan, ...]  # against what was meant, to mark the wrong ones; () where none is wrong
    score: str  # "WER 25.0 %: 1 substituted, 0 deleted, 0 inserted", or ""
    warnings: str  # what speaks against it, or ""


@dataclass(frozen=True)
class RecordingPart:
    """One recording of the report."""

    heading: str  # number, name, and what is known of it
    reference: str
    rows: tuple[TranscriptPart, ...]
    verbatim: str = ""  # every sound that was said, where somebody wrote it down

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """What people wrote of it, each text behind its title."""
        return tuple((title, text) for title, text in ((MEANT, self.reference), (VERBATIM, self.verbatim)) if text)


@dataclass(frozen=True)
class FigurePart:
    """One figure of the report."""

    title: str
    reading: str
    png: bytes


@dataclass(frozen=True)
class ClinicReport:
    """All that the report says, in its order; every text is plain."""

    title: str
    subject: str  # as typed
    remarks: str  # as typed
    date: str
    cautions: tuple[str, ...]
    outcome: str
    group_columns: tuple[str, ...]
    group_lines: tuple[tuple[str, ...], ...]
    group_notes: tuple[str, ...]
    figures: tuple[FigurePart, ...]
    recordings: tuple[RecordingPart, ...]
    failures: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    texts: str  # JSON, see `texts_json`
    tongue: Tongue  # of all this, and of the headings between

    def all_text(self) -> str:
        """Everything that is written, as one text."""
        parts = [
            self.title,
            self.subject,
            self.remarks,
            *self.cautions,
            self.outcome,
            *self.group_notes,
            *self.failures,
        ]
        parts += [cell for line in self.group_lines for cell in line]
        parts += [recording.heading for recording in self.recordings]
        parts += [text for recording in self.recordings for _, text in recording.texts]
        parts += [row.text for recording in self.recordings for row in recording.rows]
        return " ".join(parts)


def texts_json(
    language: str, recordings: Iterable[tuple[str | None, Row, Row | None, bool]], strength: float = 1.0
) -> str:
    """What was meant in each recording, what both rows wrote of it, as it was counted, and whether it is simulated:
    sessions are compared by it.
    """
    utterances = [
        {"reference": reference, "base": base.text, "adapted": adapted and adapted.text, "simulated": is_simulated}
        for reference, base, adapted, is_simulated in recordings
    ]
    record = {"language": language, "strength": strength, "utterances": utterances}
    return json.dumps(record, ensure_ascii=False)


def score_text(errors: WordErrors | None, tongue: Tongue) -> str:
    """WER with the counts behind it; "" where nothing was meant."""
    if errors is None or errors.wer is None:
        return ""
    return f"WER {tongue.say(percent(errors.wer))}: {tongue.say(error_counts(errors))}"


def transcript_part(name: str, row: Row, reference: str | None, language: str, tongue: Tongue) -> TranscriptPart:
    """The transcript with its errors marked, and whatever speaks against it; no words where nobody speaks."""
    is_wrong = row.errors is not None and row.errors.n_errors > 0 and not row.heard_nobody
    words = tuple(align_as_written(reference, row.text, language)) if reference and is_wrong else ()
    text = tongue.say(NO_SPEECH) if row.heard_nobody else row.text
    return TranscriptPart(name, text, words, score_text(row.errors, tongue), reasons(row.flags, tongue.say))


def hidden_note(rows: Iterable[Row]) -> str:
    """That words which nobody said are counted; "" where there are none."""
    return HIDDEN_MEANING if any(row.heard_nobody for row in rows) else ""


def warning_text(reasons: Sequence[str], tongue: Tongue) -> str:
    """That a result is not reliable, and why; "" where it is."""
    return f"{tongue.say('Not reliable')}: {' '.join(map(tongue.say, reasons))}" if reasons else ""


def cautions(hypernetwork: str | None, simulated: str, tongue: Tongue) -> tuple[str, ...]:
    """What nobody may overlook; `simulated` says which recordings a program made."""
    cautions = [CAUTION, simulated]
    if hypernetwork and (ASSETS / hypernetwork).is_dir():
        cautions.append(SIMULATED_TRAINING)
    return tuple(map(tongue.say, filter(None, cautions)))


def date_text(now: datetime | None, tongue: Tongue) -> str:  # None: of this moment
    """Day and time, as the language writes them, and the time's zone: the server's may not be the reader's."""
    now = now or datetime.now().astimezone()
    return f"{tongue.say(f'{now:%d %B %Y, %H:%M}')} {now:%Z}".rstrip()


def facts(
    base_model: str,
    fingerprint: str,
    hypernetwork: str | None,
    settings: str,
    device: str,
    language: str,
    tongue: Tongue,
) -> tuple[tuple[str, str], ...]:
    """Models, settings and versions."""
    libraries = ", ".join(f"{library} {version(library)}" for library in ("torch", "transformers", "jiwer"))
    found = (
        ("Base model", base_model),
        ("Its weights", f"fingerprint {fingerprint}"),
        ("Hypernetwork", hypernetwork or "none for this model"),
        ("Settings", settings),
        ("Counting", counting(language)),
        ("Device", device),
        ("Versions", f"Python {platform.python_version()}, {libraries}"),
        ("Audio", "none is kept in this report"),
    )
    return tuple((tongue.say(name), tongue.say(fact)) for name, fact in found)
