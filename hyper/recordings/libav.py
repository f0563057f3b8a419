"""What libav decodes, such as mp3, m4a and webm, to a waveform. It runs in the child process of `sandbox`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream
from av.container import InputContainer

from hyper.recordings.limits import FORMATS, SAMPLE_RATE, AudioError, check_length, check_shape, check_whole
from hyper.recordings.resampling import to_waveform

# Only these are opened: libav's playlist formats would read further files and addresses that the file names.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,mp3,flac,wav,w64,aiff,ogg,caf,amr,amrnb,amrwb,asf,avi"
FRAME = 1 << 14  # samples that are handed over at a time; an Opus frame alone is 20 ms, and each costs a call
TRUE_LENGTHS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "ogg")  # of other containers libav guesses the length
MP3_LENGTHS = (b"Xing", b"Info", b"VBRI")  # the tag in an mp3's first frame that holds the number of frames

_never_freed: list[AudioLayout] = []


def decode(
    path: Path,
    max_seconds: float,
    is_known: bool,  # whether its first bytes are those of an audio format
) -> np.ndarray:  # (n_samples,) float32, 16 kHz mono
    """Decode the first audio stream, every channel weighing the same.

    Errors: AudioError where it must not be decoded; libav's own, OSError or ValueError where it cannot be.
    """
    with path.open("rb") as file, _opened(file, path.name, is_known) as container:
        stream = container.streams.audio[0]
        _check_stream(stream)
        said = _said_seconds(container, stream, path)
        if said is not None:  # a browser's webm does not tell; then the decode stops at the limit
            check_length(said, max_seconds)
        frames = _frames(container)
        first = next(frames, None)
        if first is None:
            raise OSError("no frame can be decoded")
        # The first frame's rate and not the decoder's, which in HE-AAC is half of it before decoding.
        waveform = to_waveform(_blocks(itertools.chain([first], frames)), first.sample_rate, max_seconds)
    seconds = len(waveform) / SAMPLE_RATE
    if said is not None:
        check_whole(seconds, said)
    return waveform


def seconds(path: Path, is_known: bool) -> float:
    """Length of the first audio stream, without decoding it. Errors: as in `decode`."""
    with path.open("rb") as file, _opened(file, path.name, is_known) as container:
        stream = container.streams.audio[0]
        _check_stream(stream)
        said = _said_seconds(container, stream, path)
        if said is not None:
            return said
        return float(sum((packet.duration or 0) * packet.time_base for packet in container.demux(stream)))


def _opened(file: BinaryIO, name: str, is_known: bool) -> InputContainer:
    not_audio = f"{name} is not an audio recording; please choose a {FORMATS} file."
    try:
        container = av.open(file, mode="r", options={"format_whitelist": CONTAINERS})
    except av.error.FFmpegError as error:
        if is_known or isinstance(error, MemoryError):
            raise  # an audio format after all, but damaged; or nobody knows
        raise AudioError(not_audio) from error
    if not container.streams.audio:
        container.close()
        raise AudioError(not_audio)
    return container


def _check_stream(stream: AudioStream) -> None:
    decoder = stream.codec_context
    if decoder is None or not decoder.sample_rate:
        raise OSError("no decoder for the audio stream")
    layout = decoder.layout
    if "(" in layout.name:  # a list of channels in an order of its own
        _never_freed.append(layout)  # PyAV frees such a layout once for each object that shows it
        raise AudioError(
            f"The recording has {layout.nb_channels} channels in an unusual order; please export it in mono or stereo."
        )
    check_shape(layout.nb_channels, decoder.sample_rate, 0, 0)


def _said_seconds(container: InputContainer, stream: AudioStream, path: Path) -> float | None:
    """The length by the file's own account; None where it gives none."""
    if container.format.name == "mp3":
        n_frames = _mp3_frames(path)
        return n_frames * stream.codec_context.frame_size / stream.codec_context.sample_rate if n_frames else None
    if container.format.name not in TRUE_LENGTHS:
        return None
    if stream.duration is not None:
        return float(stream.duration * (stream.time_base or 0))
    return None if container.duration is None or len(container.streams) > 1 else container.duration / av.time_base


def _mp3_frames(path: Path) -> int | None:
    """The number of frames in the tag that LAME and others write; without one libav would guess from the bit rate."""
    with path.open("rb") as file:
        head = file.read(10)
        if head.startswith(b"ID3"):  # four times seven bits, id3.org/id3v2.4.0-structure
            file.seek(10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(head[6:10])))
        else:
            file.seek(0)
        start = file.read(4096)
    for tag in MP3_LENGTHS:
        at = start.find(tag)
        if at < 0:
            continue
        count = start[at + 14 : at + 18] if tag == b"VBRI" else start[at + 8 : at + 12]
        has_count = tag == b"VBRI" or start[at + 7 : at + 8] and start[at + 7] & 1
        return int.from_bytes(count, "big") if has_count else None
    return None


def _blocks(frames: Iterator[AudioFrame]) -> Iterator[np.ndarray]:  # each (n_samples,) mono
    # Packed, never planar: PyAV reads the planes of 8 channels or more from wild memory. Rate and channels stay.
    packed = av.AudioResampler(format="flt", frame_size=FRAME)
    for frame in itertools.chain(frames, [None]):  # None: what is left of the last block
        for part in packed.resample(frame):
            yield part.to_ndarray().reshape(part.samples, -1).mean(axis=1)


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """Decoded frames. One that is damaged is left out: the length shows in the end whether there were many."""
    for packet in container.demux(audio=0):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        yield from frames
