"""A recording in a file to a checked 16 kHz mono waveform."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from hyper.recordings.limits import MAX_SECONDS, SAMPLE_RATE, AudioError, check_length, check_shape, check_whole
from hyper.recordings.resampling import to_waveform
from hyper.recordings.sandbox import SANDBOX, ChildDied, NotStarted, OutOfTime, Refused, Unreadable
from hyper.recordings.sound_chunk import share_there

MIN_SECONDS = 0.2  # shorter than any syllable
SILENCE_DBFS = -60  # quieter than the noise of a cheap microphone: nothing was recorded
DECODE_SECONDS = 30  # wall clock; ten minutes of any format decode in a tenth of this
BLOCK_SAMPLES = 1 << 18  # samples of all channels that are in memory at a time, before the mix to mono
TAIL_SHARE = 0.1  # a cut leaves at least this share of the window to the last piece

# libsndfile decodes in this process what keeps every sample as a number of its own, by a file's first bytes and its
# coding. It seeks after each block, which clicks in lossy codecs, and it guesses the length of an mp3.
PLAIN_STARTS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"FORM", b"caff", b".snd", b"NIST")
PLAIN_CODINGS = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
NO_LENGTH = 1 << 40  # samples: what a stream gives that did not know how long it would be; 0 is another way
LIBAV_STARTS = (b"OggS", b"ID3", b"\x1aE\xdf\xa3")  # of audio formats that libav reads: ogg, mp3, webm


def load_audio(path: str | Path, max_seconds: float = MAX_SECONDS) -> np.ndarray:  # (n_samples,) float32 in [-1, 1]
    """Read any common recording as 16 kHz mono; its length is read before it is decoded."""
    path = Path(path)
    _check_file(path)
    return check_waveform(_decode(path, max_seconds), max_seconds)


def why_unusable(path: str | Path, max_seconds: float = MAX_SECONDS) -> str:
    """What speaks against a recording, in a sentence; "" where nothing does."""
    try:
        seconds = len(load_audio(path, max_seconds)) / SAMPLE_RATE
    except AudioError as error:
        return str(error)
    return f"It is {seconds:.2f} s long, over {max_seconds:g} s." if seconds > max_seconds else ""  # by very little


def audio_seconds(path: str | Path) -> float:
    """Length of a recording by what its file says, without decoding.

    Errors: AudioError where it is no recording that can be used.
    """
    path = Path(path)
    _check_file(path)
    file = _opened_by_libsndfile(path)
    if file is None:
        return _whole(path, float(_asked_of_libav("length", path)))
    with file:
        return float(file.frames / file.samplerate)


def check_waveform(waveform: np.ndarray, max_seconds: float = MAX_SECONDS) -> np.ndarray:  # (n_samples,) 16 kHz mono
    """The waveform as float32 in [-1, 1], or an `AudioError` that says why it cannot be used."""
    if waveform.ndim != 1:
        shape = waveform.shape
        raise AudioError(
            f"The recording has the shape {shape}, but samples in one row are wanted, (n_samples,); please "
            "mix its channels to one."
        )
    seconds = len(waveform) / SAMPLE_RATE
    check_length(seconds, max_seconds)
    if seconds < MIN_SECONDS:
        raise AudioError(f"The recording is only {seconds:.2f} s long; please record at least {MIN_SECONDS} s.")
    if not np.isfinite(waveform).all():
        raise AudioError("The recording has samples that are not numbers (NaN or infinite); please export it again.")
    loudest = np.abs(waveform - waveform.mean()).max()
    if loudest < 10 ** (SILENCE_DBFS / 20):
        raise AudioError(
            f"The recording is silent (below {SILENCE_DBFS} dBFS throughout); please check the microphone or the file."
        )
    # Scaled, not clipped: the log-mel does not mind loudness, but clipping is a distortion.
    scaled: np.ndarray = waveform / max(1.0, np.abs(waveform).max())
    return scaled.astype(np.float32)


def save_audio(path: Path, waveform: np.ndarray) -> None:  # (n_samples,) in [-1, 1], 16 kHz mono
    """Write 16-bit samples, in the format that the file name ends in (wav or flac)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, SAMPLE_RATE, subtype="PCM_16")


def wav_bytes(waveform: np.ndarray) -> bytes:  # (n_samples,) in [-1, 1], 16 kHz mono
    """The same as a WAV file that lies nowhere: every browser plays it."""
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    return file.getvalue()


def split_at_quiet(waveform: np.ndarray, window_seconds: float) -> list[np.ndarray]:
    """Pieces of at most the window, cut at the quietest points; joined they are the waveform again."""
    window = int(window_seconds * SAMPLE_RATE)
    pieces = []
    while len(waveform) > window:
        # Not in the first half, or there would be many pieces; not at the very end, or the last would be a scrap.
        first, last = window // 2, min(window, len(waveform) - int(TAIL_SHARE * window))
        cut = first + _quietest(waveform[first:last])
        pieces.append(waveform[:cut])
        waveform = waveform[cut:]
    return [*pieces, waveform]


def _quietest(waveform: np.ndarray) -> int:
    """The sample in the middle of the quietest 100 ms; of several the last."""
    width = SAMPLE_RATE // 10
    total = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    energy = total[width:] - total[:-width]  # (n_samples - width + 1,)
    return len(energy) - 1 - int(np.argmin(energy[::-1])) + width // 2


def _check_file(path: Path) -> None:
    if not path.exists():
        raise AudioError(f"There is no file {path}; please check its name and folder.")
    if not path.is_file():
        raise AudioError(f"{path.name} is a folder, not a recording; please choose a file.")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{path.name} may not be read by this program; please change the permissions of the file.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path.name} is empty (0 bytes); please record or export it again.")


def _decode(path: Path, max_seconds: float) -> np.ndarray:  # (n_samples,) 16 kHz mono
    file = _opened_by_libsndfile(path)
    if file is None:
        waveform = np.frombuffer(_asked_of_libav("audio", path, max_seconds=max_seconds), np.float32)
        _whole(path, len(waveform) / SAMPLE_RATE)  # libsndfile opens no CAF without its end
        return waveform
    with file:
        check_length(file.frames / file.samplerate, max_seconds)
        check_shape(file.channels, file.samplerate, file.frames, max_seconds)
        try:
            return to_waveform(_blocks(file), file.samplerate, max_seconds)
        except (soundfile.SoundFileError, OSError, RuntimeError) as error:
            raise AudioError(_damaged(path)) from error


def _opened_by_libsndfile(path: Path) -> soundfile.SoundFile | None:
    """The file, where every sample in it is a number of its own; None where libav is to decode it."""
    if not _start(path).startswith(PLAIN_STARTS):
        return None
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, UnicodeEncodeError):  # it cannot open a name that is no Unicode
        return None
    if file.subtype.startswith(PLAIN_CODINGS) and 0 < file.frames < NO_LENGTH:
        _whole(path, file.frames / file.samplerate)
        return file
    file.close()
    return None


def _whole(path: Path, seconds: float) -> float:
    """The length that is there, unless the file's header promises more."""
    check_whole(seconds, seconds / max(share_there(path), 1e-9))
    return seconds


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:  # it was there a moment ago
        raise AudioError(_damaged(path)) from error


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:  # each (n_samples,) mono at the file's rate
    for block in file.blocks(max(1, BLOCK_SAMPLES // file.channels), dtype="float32", always_2d=True):
        yield block.mean(axis=1)


def _asked_of_libav(task: str, path: Path, **arguments: object) -> bytes:
    """What the child process finds out about the file."""
    is_known = _start(path).startswith(PLAIN_STARTS + LIBAV_STARTS)
    try:
        return SANDBOX.call(task, DECODE_SECONDS, path=str(path.absolute()), is_known=is_known, **arguments)
    except (Refused, NotStarted) as error:
        raise AudioError(str(error)) from error
    except OutOfTime as error:
        raise AudioError(
            f"The recording took more than {DECODE_SECONDS} s to decode; please export it as wav."
        ) from error
    except ChildDied as error:
        raise AudioError(
            f"The recording could not be decoded; please export {path.name} again, best as wav."
        ) from error
    except Unreadable as error:
        raise AudioError(_damaged(path)) from error


def _damaged(path: Path) -> str:
    return f"{path.name} cannot be read, it seems damaged; please record or export it again."
