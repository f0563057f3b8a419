"""Recordings that libav decodes: many channels, mp3 of every kind, cut files. What crashes a library is a sentence."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import av
import av.error
import numpy as np
import pytest
import soundfile

from hyper.recordings import audio, libav
from hyper.recordings.audio import AudioError, audio_seconds, load_audio
from hyper.recordings.limits import MAX_SECONDS, SAMPLE_RATE, check_shape
from tests.coded import write_coded

RATE = 48_000
UNUSUAL_ORDER = b"chan" + bytes(4) + b"\x00\x80\x00\x08" + bytes(4)  # eight channels in an order that has no name


def tone(seconds: float, rate: int) -> np.ndarray:  # (n_samples,)
    return (0.3 * np.sin(2 * np.pi * 400 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(
    path: Path, container: str, codec: str, layout: str, seconds: float = 1.5, channel: int | None = None
) -> Path:
    """The tone in every channel, or in one."""
    n_channels = av.AudioLayout(layout).nb_channels
    samples = np.zeros((round(seconds * RATE), n_channels), np.float32)
    samples[:, slice(None) if channel is None else channel] = tone(seconds, RATE)[:, None if channel is None else ...]
    write_coded(str(path), container, codec, samples, RATE, layout)
    return path


def assert_is_tone(waveform: np.ndarray, seconds: float, loudness: float = 0.3, tolerance: float = 0.03) -> None:
    """400 Hz throughout, as loud as it was: not twice, and without a click."""
    assert len(waveform) / SAMPLE_RATE == pytest.approx(seconds, abs=0.15)
    inner = waveform[SAMPLE_RATE // 5 : round((seconds - 0.2) * SAMPLE_RATE)].astype(np.float64)
    t = np.arange(len(inner)) / SAMPLE_RATE
    basis = np.stack([np.sin(2 * np.pi * 400 * t), np.cos(2 * np.pi * 400 * t)], axis=1)
    fit = np.linalg.lstsq(basis, inner, rcond=None)[0]
    assert np.hypot(*fit) == pytest.approx(loudness, rel=0.15)
    assert np.abs(inner - basis @ fit).max() < tolerance


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.m4a", "mp4", "aac"),
        ("a.opus", "ogg", "libopus"),
        ("a.ogg", "ogg", "vorbis"),
        ("a.webm", "webm", "libopus"),
        ("a.mka", "matroska", "libopus"),
        ("a.avi", "avi", "pcm_s16le"),
        ("a.mov", "mov", "pcm_s16le"),
    ],
)
def test_eight_channels_are_heard_as_one(tmp_path, name, container, codec):
    if codec == "vorbis":
        soundfile.write(tmp_path / name, np.repeat(tone(1.5, RATE)[:, None], 8, axis=1), RATE, subtype="VORBIS")
    else:
        encode(tmp_path / name, container, codec, "7.1")
    assert_is_tone(load_audio(tmp_path / name), 1.5, tolerance=0.2)  # one channel is for low tones
    assert audio_seconds(tmp_path / name) == pytest.approx(1.5, abs=0.15)


@pytest.mark.parametrize("layout", ["stereo", "5.1", "7.1"])
def test_every_channel_weighs_the_same(tmp_path, layout):
    path = encode(tmp_path / "a.mov", "mov", "pcm_s16le", layout, channel=1)
    assert_is_tone(load_audio(path), 1.5, loudness=0.3 / av.AudioLayout(layout).nb_channels)


def test_channels_in_an_unusual_order_are_refused(tmp_path):
    """PyAV frees their layout twice, which ends the process."""
    path = encode(tmp_path / "a.mov", "mov", "pcm_s16le", "7.1")
    content = path.read_bytes()
    at = content.index(b"chan")
    path.write_bytes(content[:at] + UNUSUAL_ORDER + content[at + len(UNUSUAL_ORDER) :])
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    assert str(caught.value) == (
        "The recording has 8 channels in an unusual order; please export it in mono or stereo."
    )


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "pcm_s16le"), ("a.wav", None)])
def test_too_many_channels_are_refused(tmp_path, name, codec):
    if codec:
        encode(tmp_path / name, "mov", codec, "hexadecagonal")
    else:
        soundfile.write(tmp_path / name, np.repeat(tone(1.0, RATE)[:, None], 16, axis=1), RATE)
    with pytest.raises(AudioError, match="has 16 channels, but the limit is 8; please export it in mono or stereo."):
        load_audio(tmp_path / name)


@pytest.mark.parametrize(
    ("n_channels", "rate", "seconds", "words"),
    [
        (9, 16_000, 1, "has 9 channels, but the limit is 8; please export it in mono or stereo"),
        (1, 655_350, 1, "has 655,350 samples a second, but the limit is 192,000; please export it at 48 kHz or less"),
        (8, 192_000, 600, "holds 922 million samples, but the limit is 58 million; please export it in mono at 48"),
    ],
)
def test_more_samples_than_a_recording_needs_are_refused(n_channels, rate, seconds, words):
    with pytest.raises(AudioError, match=words):
        check_shape(n_channels, rate, rate * seconds, MAX_SECONDS)
    check_shape(2, 48_000, 600 * 48_000, MAX_SECONDS)
    check_shape(8, 192_000, 30 * 192_000, MAX_SECONDS)
    check_shape(1, 48_000, 7200 * 48_000, 7200)  # whoever takes longer recordings takes more samples


@pytest.mark.parametrize("name", ["a.flac", "a.wav"])
def test_they_are_refused_before_they_are_decoded(tmp_path, monkeypatch, name):
    soundfile.write(tmp_path / name, tone(0.5, 655_350), 655_350)
    monkeypatch.setattr(audio, "to_waveform", lambda *_: pytest.fail("decoded"))
    with pytest.raises(AudioError, match="has 655,350 samples a second"):
        load_audio(tmp_path / name)


# mp3


def vbr(path: Path, seconds: float) -> Path:
    """A second in four is loud noise, so that the bit rate at the start tells nothing of the length."""
    samples = tone(seconds, SAMPLE_RATE)
    is_loud = np.arange(len(samples)) // SAMPLE_RATE % 4 == 3
    samples += (0.2 * np.random.default_rng(0).standard_normal(len(samples)) * is_loud).astype(np.float32)
    soundfile.write(path, samples, SAMPLE_RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.3)
    return path


def mp3_frames(path: Path) -> list[bytes]:
    """Its frames but the first, which holds the tag with their number."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_mp3_is_heard_without_clicks(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.mp3", tone(8.0, SAMPLE_RATE), SAMPLE_RATE, format="MP3")
    monkeypatch.setattr(audio, "BLOCK_SAMPLES", 4096)  # where soundfile's blocks meet
    assert_is_tone(load_audio(tmp_path / "a.mp3"), 8.0)


def test_mp3_of_varying_bit_rate_without_a_header_has_its_whole_length(tmp_path):
    frames = mp3_frames(vbr(tmp_path / "a.mp3", 30.0))
    (tmp_path / "b.mp3").write_bytes(b"".join(frames))
    assert soundfile.info(tmp_path / "b.mp3").duration < 10  # guessed from the first frame
    assert len(load_audio(tmp_path / "b.mp3")) / SAMPLE_RATE == pytest.approx(30.0, abs=0.15)
    assert audio_seconds(tmp_path / "b.mp3") == pytest.approx(30.0, abs=0.15)


@pytest.mark.parametrize(("name", "container", "codec"), [("a.aac", "adts", "aac"), ("a.mp3", "mp3", "libmp3lame")])
def test_the_length_is_known_without_decoding(tmp_path, name, container, codec, monkeypatch):
    encode(tmp_path / name, container, codec, "mono", seconds=3.0)
    asked, call = [], audio.SANDBOX.call

    def watched(task: str, *args: object, **arguments: object) -> bytes:
        asked.append(task)
        return call(task, *args, **arguments)

    monkeypatch.setattr(audio, "SANDBOX", SimpleNamespace(call=watched))
    assert audio_seconds(tmp_path / name) == pytest.approx(3.0, abs=0.15)
    assert asked == ["length"]


def test_mp3_after_a_picture_and_other_tags_is_read(tmp_path):
    soundfile.write(tmp_path / "a.mp3", tone(1.5, SAMPLE_RATE), SAMPLE_RATE, format="MP3")
    picture = bytes(20_000)
    size = bytes(len(picture) >> 7 * (3 - i) & 127 for i in range(4))
    (tmp_path / "b.mp3").write_bytes(b"ID3\x04\0\0" + size + picture + (tmp_path / "a.mp3").read_bytes())
    assert_is_tone(load_audio(tmp_path / "b.mp3"), 1.5)


@pytest.mark.parametrize("bitrate_mode", ["CONSTANT", "VARIABLE"])
def test_a_cut_mp3_is_said_and_no_speech_repeated(tmp_path, bitrate_mode):
    soundfile.write(tmp_path / "a.mp3", tone(20.0, SAMPLE_RATE), SAMPLE_RATE, format="MP3", bitrate_mode=bitrate_mode)
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "b.mp3").write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError) as caught:
        load_audio(tmp_path / "b.mp3")
    assert str(caught.value).startswith("The recording should be 20.")
    assert str(caught.value).endswith(" s of it are there; please send or export it again.")


def test_a_cut_mp3_without_a_header_is_what_there_is(tmp_path):
    frames = b"".join(mp3_frames(vbr(tmp_path / "a.mp3", 8.0)))
    (tmp_path / "b.mp3").write_bytes(frames[: len(frames) // 2 + 7])  # in the middle of a frame
    assert 3 < len(load_audio(tmp_path / "b.mp3")) / SAMPLE_RATE < 5


def test_one_damaged_frame_costs_itself(tmp_path):
    frames = mp3_frames(vbr(tmp_path / "a.mp3", 8.0))
    frames[100] = frames[100][:4] + b"\xff" * (len(frames[100]) - 4)
    (tmp_path / "b.mp3").write_bytes(b"".join(frames))
    assert len(load_audio(tmp_path / "b.mp3")) / SAMPLE_RATE == pytest.approx(8.0, abs=0.2)


def test_a_cut_m4a_whose_index_comes_first_is_said(tmp_path):
    content = fast_start(encode(tmp_path / "a.m4a", "mp4", "aac", "mono", seconds=8.0)).read_bytes()
    (tmp_path / "b.m4a").write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(AudioError, match=r"should be 8\.0 s long, but only [3-5]\.\d s of it are there"):
        load_audio(tmp_path / "b.m4a")


def fast_start(path: Path) -> Path:
    """The same file with its index in front, as the web has it."""
    target = path.with_name(f"fast-{path.name}")
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", options={"movflags": "+faststart"}, format="mp4") as out,
    ):
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


def test_a_file_for_which_memory_is_short_is_not_called_no_recording(tmp_path, monkeypatch):
    (tmp_path / "a.mp3").write_bytes(b"\0" * 100)

    def short(*_args: object, **_options: object) -> None:
        av.error.err_check(-errno.ENOMEM)

    monkeypatch.setattr(av, "open", short)
    with pytest.raises(MemoryError):  # which ends the child process
        libav.seconds(tmp_path / "a.mp3", False)
