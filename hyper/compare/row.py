"""A transcript with all that is known of it: its errors, what speaks against it, how sure each word is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hyper.compare.confidence import WordConfidence
from hyper.compare.guards import Flag, Heard, guard, heard_nobody
from hyper.compare.transcript import Transcript
from hyper.metrics.normalize import ENGLISH
from hyper.metrics.word_errors import WordErrors, word_errors
from hyper.recordings.limits import check_text


@final  # nothing makes it false, so `row and row.errors` has no third kind of value
@dataclass(frozen=True)
class Row:
    """One recording as one set of weights, base or adapted, transcribes it."""

    transcript: Transcript
    errors: WordErrors | None = None  # against what was meant; None where that is not known
    verbatim_errors: WordErrors | None = None  # against every sound that was said
    flags: tuple[Flag, ...] = ()  # what speaks against the transcript
    words: tuple[WordConfidence, ...] = ()  # how sure each word is; () where nobody shows it

    @property
    def text(self) -> str:
        """What was written."""
        return self.transcript.text

    @property
    def counted(self) -> WordErrors:
        """The errors of a row whose recording is known to have a reference."""
        assert self.errors is not None
        return self.errors

    @property
    def heard_nobody(self) -> bool:
        """Whether the guards say that nobody speaks, as far as this row can tell."""
        return heard_nobody(self.flags)


def check_references(reference: str | None, verbatim: str | None = None) -> None:
    """Refuse texts that would take long to compare. Errors: `TextError`."""
    check_text(reference or "", "What was meant")
    check_text(verbatim or "", "What was said")


def make_row(
    transcript: Transcript,
    heard: Heard,  # the same for all rows of a recording
    reference: str | None = None,  # what was meant; None or "" where it is not known
    verbatim: str | None = None,  # every sound that was said
    words: tuple[WordConfidence, ...] = (),
    language: str = ENGLISH,
) -> Row:
    """Count the errors and run the guards: base and adapted are judged alike, everywhere.

    Errors: `TextError` as in `check_references`.
    """
    check_references(reference, verbatim)
    return Row(
        transcript=transcript,
        errors=word_errors(reference, transcript.text, language) if reference else None,
        verbatim_errors=word_errors(verbatim, transcript.text, language) if verbatim else None,
        flags=guard(transcript, heard),
        words=words,
    )
