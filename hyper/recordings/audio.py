"""A recording in a file to a checked 16 kHz mono waveform."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 16_000  # Hz; Whisper was trained at this rate
MAX_SECONDS = 600  # ten minutes: the longest recording that is taken by default
MIN_SECONDS = 0.2  # shorter than any syllable
SILENCE_DBFS = -60  # quieter than the noise of a cheap microphone: nothing was recorded
DECODE_SECONDS = 60  # wall clock; ten minutes of any format decode in a tenth of this
BLOCK_SAMPLES = 1 << 18  # samples of all channels that are in memory at a time, before the mix to mono
AV_FRAME = 1 << 14  # samples that PyAV hands over at a time; an Opus frame alone is 20 ms, and each costs a call
TAIL_SHARE = 0.1  # a cut leaves at least this share of the window to the last piece

# PyAV opens only these: its playlist formats would read further files and addresses that the file names.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,mp3,flac,wav,w64,aiff,ogg,caf,amr,amrnb,amrwb,asf,avi"
LOSSY_FORMATS = ("OGG", "MPEG")  # PyAV reads them: soundfile seeks after each block, and in Opus a seek clicks
UNRECOGNISED_FORMAT = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT


class AudioError(ValueError):
    """The recording cannot be used; the message is written for the person who made it."""


def load_audio(path: str | Path, max_seconds: float = MAX_SECONDS) -> np.ndarray:  # (n_samples,) float32 in [-1, 1]
    """Read any common recording as 16 kHz mono; its length is read before it is decoded."""
    path = Path(path)
    _check_file(path)
    with _damage_explained(path):
        waveform = _decode(path, max_seconds)
    return check_waveform(waveform, max_seconds)


def audio_seconds(path: str | Path) -> float:
    """Length of a recording by what its file says, without decoding; some browser recordings must be decoded.

    Errors: AudioError where it is no recording that can be used.
    """
    path = Path(path)
    _check_file(path)
    try:
        return soundfile.info(path).duration
    except soundfile.LibsndfileError:  # a format that it does not read, as m4a or webm
        return len(load_audio(path)) / SAMPLE_RATE


def check_waveform(waveform: np.ndarray, max_seconds: float = MAX_SECONDS) -> np.ndarray:  # (n_samples,) 16 kHz mono
    """The waveform as float32 in [-1, 1], or an `AudioError` that says why it cannot be used."""
    seconds = len(waveform) / SAMPLE_RATE
    _check_length(seconds, max_seconds)
    if seconds < MIN_SECONDS:
        raise AudioError(f"The recording is only {seconds:.2f} s long; please record at least {MIN_SECONDS} s.")
    if not np.isfinite(waveform).all():
        raise AudioError("The recording has samples that are not numbers (NaN or infinite); please export it again.")
    loudest = np.abs(waveform - waveform.mean()).max()
    if loudest < 10 ** (SILENCE_DBFS / 20):
        raise AudioError(
            f"The recording is silent (below {SILENCE_DBFS} dBFS throughout); please check the microphone."
        )
    # Scaled, not clipped: the log-mel does not mind loudness, but clipping is a distortion.
    return (waveform / max(1.0, np.abs(waveform).max())).astype(np.float32)


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:  # (n_samples,) -> (n_resampled,)
    """Band-limited resampling; rates in Hz."""
    return soxr.resample(samples, from_rate, to_rate)


def save_audio(path: Path, waveform: np.ndarray) -> None:  # (n_samples,) in [-1, 1], 16 kHz mono
    """Write 16-bit samples, in the format that the file name ends in (wav or flac)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, SAMPLE_RATE, subtype="PCM_16")


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


def _check_length(seconds: float, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise AudioError(f"The recording is {seconds:.1f} s long, but the limit is {max_seconds:g} s; please trim it.")


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except AudioError:
        raise
    except (soundfile.SoundFileError, av.error.FFmpegError, OSError, ValueError, RuntimeError) as error:
        raise AudioError(f"{path.name} cannot be read, it seems damaged; please record or export it again.") from error


def _decode(path: Path, max_seconds: float) -> np.ndarray:  # (n_samples,) 16 kHz mono
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:  # a format that it does not read, as m4a or webm
        return _decode_with_av(path, max_seconds, is_known=error.code != UNRECOGNISED_FORMAT)
    with file:
        _check_length(file.frames / file.samplerate, max_seconds)
        if file.format not in LOSSY_FORMATS:
            return _to_waveform(_soundfile_blocks(file), file.samplerate, max_seconds)
    return _decode_with_av(path, max_seconds, is_known=True)


def _soundfile_blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:  # each (n_samples,) mono at the file's rate
    for block in file.blocks(max(1, BLOCK_SAMPLES // file.channels), dtype="float32", always_2d=True):
        yield block.mean(axis=1)


def _decode_with_av(path: Path, max_seconds: float, is_known: bool) -> np.ndarray:  # (n_samples,) 16 kHz mono
    with path.open("rb") as stream:
        try:
            container = av.open(stream, options={"format_whitelist": CONTAINERS})
        except av.error.FFmpegError:
            if is_known:
                raise  # an audio format after all, but damaged
            raise AudioError(_not_audio(path)) from None
        with container:
            if not container.streams.audio:
                raise AudioError(_not_audio(path))
            if container.duration is not None:  # a browser's webm does not tell; then the decode stops at the limit
                _check_length(container.duration / av.time_base, max_seconds)
            decoder = container.streams.audio[0].codec_context
            if decoder is None or not decoder.sample_rate:
                raise OSError("no decoder for the audio stream")
            return _to_waveform(_av_blocks(container), decoder.sample_rate, max_seconds)


def _not_audio(path: Path) -> str:
    return f"{path.name} is not an audio recording; please choose a wav, flac, ogg, mp3, m4a or webm file."


def _av_blocks(container: av.container.InputContainer) -> Iterator[np.ndarray]:  # each (n_samples,) mono
    planar = av.AudioResampler(format="fltp", frame_size=AV_FRAME)  # one row for each channel; rate and channels stay
    for frame in itertools.chain(container.decode(audio=0), [None]):  # None: what is left of the last block
        for part in planar.resample(frame):
            yield part.to_ndarray().mean(axis=0)


def _to_waveform(blocks: Iterator[np.ndarray], rate: int, max_seconds: float) -> np.ndarray:  # (n_samples,) 16 kHz
    """Resample block by block and stop past the limit: what a file says of its length may be false."""
    deadline = time.monotonic() + DECODE_SECONDS
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, num_channels=1, dtype="float32")
    n_samples, parts = 0, []
    for block in blocks:
        n_samples += len(block)
        if n_samples > max_seconds * rate:
            raise AudioError(f"The recording is longer than the limit of {max_seconds:g} s; please trim it.")
        if time.monotonic() > deadline:
            raise AudioError(f"The recording took more than {DECODE_SECONDS} s to decode; please export it as wav.")
        parts.append(stream.resample_chunk(block))
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)
