"""Signs that a transcript may be wrong, each with the number behind it."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from hyper.compare.transcript import Transcript
from hyper.metrics.percent import percent
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.voicing import voiced_seconds

# openai/whisper, whisper/transcribe.py: what makes it decode a window again, or leave it out as silent.
COMPRESSION_LIMIT = 2.4  # bytes of text for each byte that zlib makes of it
LOG_PROB_LIMIT = -1.0  # mean over the tokens, natural logarithm; there the end token counts as well
NO_SPEECH_LIMIT = 0.6  # probability

# Whisper judges a window of 30 s, about so much text. Longer text packs better even if nothing is said twice (English
# sentences: 1.9 at 1000 bytes, 2.2 at 16,000), and a loop in one part of it would be hidden by the rest.
STRETCH_BYTES = 1000
_LATIN_BYTES = 1.5  # a letter, in UTF-8, at most

# Our own limits.
WORDS_PER_SECOND_LIMIT = 6.0  # of speech; fast speech has about 4
FLOOR_PERCENTILE = 10  # of the levels: nobody fills nine tenths of a recording without a closure or a pause
ABOVE_FLOOR_DB = 6.0  # four times the power of the noise floor; steady noise stays within 2 dB of it
RANGE_DB = 60.0  # below the loudest block: digital silence would put the floor at minus infinity
LEAST_SPEECH_SECONDS = 0.1  # half a short syllable
NOBODY_SPEAKS = ("quiet", "no_speech", "no_voice")  # flags: doubt in the words alone is not among them
LEFT_OUT = "left_out"  # a flag that speaks against no word that is still there
BLOCK_SAMPLES = SAMPLE_RATE // 50  # 20 ms
HANGOVER_BLOCKS = 5  # 100 ms on both sides of what stands out: weak consonants, and pauses shorter than 200 ms

# What Whisper writes where nobody speaks, learned from subtitles: arXiv:2501.11378, and openai/whisper's discussions
# 679 and 928. Left out is what people do say by itself, as "thank you" and "bye".
STOCK_PHRASES = (
    "thanks for watching",
    "thank you for watching",
    "thank you so much for watching",
    "thanks for watching and I'll see you next time",
    "thanks for watching don't forget to like and subscribe",
    "please subscribe to my channel",
    "please subscribe to our channel",
    "like and subscribe",
    "see you in the next video",
    "I'll see you in the next video",
    "subtitles by the Amara.org community",
    "Untertitel der Amara.org-Community",
    "Sous-titres réalisés par la communauté d'Amara.org",
    "Sous-titres réalisés para la communauté d'Amara.org",
    "Subtítulos realizados por la comunidad de Amara.org",
    "Sottotitoli creati dalla comunità Amara.org",
)


@dataclass(frozen=True)
class Flag:
    """One sign that the transcript may be wrong."""

    name: str
    value: float | str  # what was found
    limit: float | None  # what it was held against; None where there is no number to exceed
    reason: str  # a sentence for whoever reads the transcript

    def to_json(self) -> dict[str, Any]:
        """The record, field by field."""
        return asdict(self)


def heard_nobody(flags: Iterable[Flag]) -> bool:
    """Whether these flags say that nobody speaks, so that no word of the transcript should be taken for said."""
    return any(flag.name in NOBODY_SPEAKS for flag in flags)


@dataclass(frozen=True)
class Sound:
    """How much of a recording stands out from its own noise."""

    loud_seconds: float  # clearly above the noise floor
    speech_seconds: float  # the same with the 100 ms around it


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording with what the guards measure of it, once, whatever the rows of it write."""

    waveform: np.ndarray  # (n_samples,) 16 kHz

    @cached_property
    def sound(self) -> Sound:
        """How much of it stands out."""
        return measure_sound(self.waveform)

    @cached_property
    def voiced_seconds(self) -> float:
        """How much of it has the pitch of a voice."""
        return voiced_seconds(self.waveform)


def guard(transcript: Transcript, heard: Heard) -> tuple[Flag, ...]:
    """Everything that speaks against the transcript of this recording; base and adapted are judged alike.

    Of a recording in pieces the probabilities are those of all pieces together, as in `Transcript`.
    """
    return tuple(_flags(transcript, heard))


def _flags(transcript: Transcript, heard: Heard) -> Iterator[Flag]:
    yield from _stopped_early(transcript)
    yield from _left_out(transcript)
    if not transcript.text:  # nothing was claimed
        return
    yield from _repetitive(transcript)
    yield from _unsure(transcript)
    yield from _nothing_to_hear(transcript, heard)
    yield from _no_voice(transcript, heard)
    yield from _stock_phrase(transcript)


def _stopped_early(transcript: Transcript) -> Iterator[Flag]:
    if transcript.stopped == "repetition":
        reason = (
            "The model began to say the same thing over and over and was made to go on without; what follows may be "
            "wrong."
        )
        yield Flag("loop", "repetition", None, reason)
    if transcript.stopped == "length":
        reason = "The model wrote more than fits the recording and was stopped; the end may be invented or missing."
        yield Flag("length", "length", None, reason)


def _left_out(transcript: Transcript) -> Iterator[Flag]:
    if transcript.silent_seconds:
        reason = (
            f"In {transcript.silent_seconds:.0f} s of the recording nobody seems to speak; the words that the model "
            "wrote there were left out."
        )
        yield Flag(LEFT_OUT, transcript.silent_seconds, None, reason)


def _repetitive(transcript: Transcript) -> Iterator[Flag]:
    ratio = compression_ratio(transcript.text)
    if ratio > COMPRESSION_LIMIT:
        reason = f"The text repeats itself: it packs {ratio:.1f} times smaller, speech seldom over {COMPRESSION_LIMIT}."
        yield Flag("compression", ratio, COMPRESSION_LIMIT, reason)


def _is_unsure(transcript: Transcript) -> bool:
    return bool(transcript.log_probs) and fmean(transcript.log_probs) < LOG_PROB_LIMIT


def _unsure(transcript: Transcript) -> Iterator[Flag]:
    if not _is_unsure(transcript):
        return
    log_prob = fmean(transcript.log_probs)
    reason = (
        f"The model was unsure throughout: on average it gave each part of its words a probability of "
        f"{percent(math.exp(log_prob), 0)}, and below {percent(math.exp(LOG_PROB_LIMIT), 0)} is doubtful."
    )
    yield Flag("log_probability", log_prob, LOG_PROB_LIMIT, reason)
    if transcript.no_speech_prob is not None and transcript.no_speech_prob > NO_SPEECH_LIMIT:
        reason = (
            f"The model itself doubts that anybody speaks here ({percent(transcript.no_speech_prob, 0)} for silence)."
        )
        yield Flag("no_speech", transcript.no_speech_prob, NO_SPEECH_LIMIT, reason)


def _nothing_to_hear(transcript: Transcript, heard: Heard) -> Iterator[Flag]:
    sound = heard.sound
    if sound.loud_seconds < LEAST_SPEECH_SECONDS:
        reason = (
            f"Only {sound.loud_seconds:.2f} s of the recording stand out from its own background noise, so there may "
            "be nobody to hear."
        )
        yield Flag("quiet", sound.loud_seconds, LEAST_SPEECH_SECONDS, reason)
        return  # no speech to hold the words against
    rate = len(transcript.text.split()) / sound.speech_seconds
    if rate > WORDS_PER_SECOND_LIMIT:
        reason = (
            f"There are {rate:.1f} words for each second of speech, but people say {WORDS_PER_SECOND_LIMIT:g} at most, "
            "so some may be invented."
        )
        yield Flag("words_per_second", rate, WORDS_PER_SECOND_LIMIT, reason)


def _no_voice(transcript: Transcript, heard: Heard) -> Iterator[Flag]:
    """Breath or a rumbling room stands out, but has no pitch. Neither has whispering, which a model may well hear."""
    if not _is_unsure(transcript):
        return
    seconds = heard.voiced_seconds
    if seconds < LEAST_SPEECH_SECONDS:
        reason = f"No voiced sound was found: only {seconds:.1f} s of the recording have the pitch of a voice."
        yield Flag("no_voice", seconds, LEAST_SPEECH_SECONDS, reason)


def _stock_phrase(transcript: Transcript) -> Iterator[Flag]:
    if _letters(transcript.text) in {_letters(phrase) for phrase in STOCK_PHRASES}:
        reason = "The whole text is a phrase that Whisper is known to write where nobody speaks."
        yield Flag("stock_phrase", transcript.text, None, reason)


def _letters(text: str) -> str:
    """The words without case and punctuation: enough to know a phrase again."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def compression_ratio(text: str) -> float:
    """How many times smaller zlib makes the text, at its most repetitive stretch."""
    data = _one_byte_a_letter(text)
    stretches = [data[start : start + STRETCH_BYTES] for start in range(0, len(data), STRETCH_BYTES)]
    return max((len(stretch) / len(zlib.compress(stretch)) for stretch in stretches), default=0.0)


def _one_byte_a_letter(text: str) -> bytes:
    """As UTF-8 where most letters take one byte in it. In other scripts they take two or three, all but the last of
    them the same in every letter, and no speech repeats itself so.
    """
    data = text.encode()
    if len(data) < _LATIN_BYTES * len(text):
        return data
    numbers = {letter: i % 256 for i, letter in enumerate(dict.fromkeys(text))}
    return bytes(numbers[letter] for letter in text)


def measure_sound(waveform: np.ndarray) -> Sound:  # (n_samples,) 16 kHz, at least one block
    """How much of it is `loud_blocks`."""
    is_loud = loud_blocks(waveform)
    block_seconds = BLOCK_SAMPLES / SAMPLE_RATE
    return Sound(float(is_loud.sum()) * block_seconds, float(with_hangover(is_loud).sum()) * block_seconds)


def loud_blocks(waveform: np.ndarray) -> np.ndarray:  # (n_samples,) 16 kHz, at least one block -> (n_blocks,) bool
    """Compare the level of each 20 ms with the recording's own noise floor, the level that a tenth of it stays below.

    It knows loud from quiet, not speech from noise: a door or a gust of wind is loud, and a vowel held from the first
    sample to the last is its own floor. The mean of each block is left out: the offset of a microphone is no sound.
    """
    n_blocks = len(waveform) // BLOCK_SAMPLES
    blocks = waveform[: n_blocks * BLOCK_SAMPLES].astype(np.float64).reshape(n_blocks, BLOCK_SAMPLES)
    power = blocks.var(axis=1)  # (n_blocks,)
    floor = max(np.percentile(power, FLOOR_PERCENTILE), power.max() / _power_ratio(RANGE_DB))
    return np.asarray(power > _power_ratio(ABOVE_FLOOR_DB) * floor)


def with_hangover(is_loud: np.ndarray) -> np.ndarray:  # (n_blocks,) bool -> the same
    """What stands out, with the 100 ms around it."""
    return np.convolve(is_loud, np.ones(2 * HANGOVER_BLOCKS + 1), "full")[HANGOVER_BLOCKS:-HANGOVER_BLOCKS] > 0


def _power_ratio(decibels: float) -> float:
    return 10 ** (decibels / 10)
