"""How much of a recording or a text is taken from strangers, and the errors that say so."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

SAMPLE_RATE = 16_000  # Hz; Whisper was trained at this rate
FORMATS = "wav, flac, ogg, mp3, m4a or webm"  # that people have; more are read
MAX_SECONDS = 600  # ten minutes: the longest recording that is taken by default
PADDING_SECONDS = 0.5  # past a limit; codecs add up to a tenth of it at the ends of what is exactly as long
MAX_RATE = 192_000  # Hz; studios record at no more
MAX_CHANNELS = 8  # as many as cinema sound has; a frame of libav has no room for more
MAX_SAMPLES = MAX_SECONDS * 2 * 48_000  # of all channels: a second to decode, where a crafted FLAC took twelve
LEAST_DECODED = 0.95  # of the length that a file gives; its last frames may be cut, and codecs pad both ends
MAX_TEXT = 20_000  # characters; ten minutes of fast speech are 15,000
MAX_NAME = 1_000  # characters of a file's name with all its folders; a disk takes 255 for the name alone
MAX_SHOWN = 80  # characters of a name or a value that a sentence repeats


@dataclass(frozen=True)
class Limits:
    """How many recordings, and how large, are taken at once."""

    files: int = 300
    file_bytes: int = MAX_SECONDS * 44_100 * 2 * 2  # the longest recording, as 16-bit stereo of CD rate
    total_bytes: int = 2_000_000_000  # more than ten hours as a telephone records them


LIMITS = Limits()


class AudioError(ValueError):
    """The recording cannot be used; the message is written for the person who made it."""


class TableError(ValueError):
    """The table cannot be used; the message says what is wanted."""


def named(name: str, error: Exception) -> str:
    """What the error says, with the recording's name in front where it is not in it."""
    return str(error) if name in str(error) else f"{name}: {error}"


class TextError(ValueError):
    """The text cannot be used; the message says why."""


def check_length(seconds: float, max_seconds: float) -> None:
    """Refuse a recording that is longer than the limit."""
    if seconds > max_seconds + PADDING_SECONDS:
        raise AudioError(f"The recording is {seconds:.1f} s long, but the limit is {max_seconds:g} s; please trim it.")


def check_whole(seconds: float, said: float) -> None:
    """Refuse a recording of which the end is missing; `said` is its length in seconds by what its file says."""
    if seconds < LEAST_DECODED * said - 0.25:
        raise AudioError(
            f"The recording should be {said:.1f} s long, but only {seconds:.1f} s of it are there; "
            "please send or export it again."
        )


def check_shape(n_channels: int, rate: int, n_frames: int, max_seconds: float) -> None:  # rate in Hz
    """Refuse what would take long to decode, whatever its length in seconds."""
    if n_channels > MAX_CHANNELS:
        raise AudioError(
            f"The recording has {n_channels:,} channels, but the limit is {MAX_CHANNELS}; "
            "please export it in mono or stereo."
        )
    if rate > MAX_RATE:
        raise AudioError(
            f"The recording has {rate:,} samples a second, but the limit is {MAX_RATE:,}; "
            "please export it at 48 kHz or less."
        )
    limit = MAX_SAMPLES * max(1.0, (max_seconds + PADDING_SECONDS) / MAX_SECONDS)
    if n_frames * n_channels > limit:
        raise AudioError(
            f"The recording holds {n_frames * n_channels / 1e6:,.0f} million samples, but the limit is "
            f"{limit / 1e6:,.0f} million; please export it in mono at 48 kHz or less."
        )


def check_text(text: str, what: str) -> str:
    """The text, unless it is too long. `what` begins the sentence, as "The reference"."""
    # One sign may stand for eighteen letters: they count, since comparing texts takes the product of their lengths.
    n = max(len(text), len(unicodedata.normalize("NFKD", text[:MAX_TEXT])))
    if n > MAX_TEXT:
        raise TextError(f"{what} is {n:,} characters long, but the limit is {MAX_TEXT:,}; please shorten it.")
    return text


def shown(text: str) -> str:
    """A name or a value as a sentence repeats it: on one line, and where it is long its beginning."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]} …"
