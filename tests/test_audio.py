"""Every format comes in as the same waveform, and every hazard gives its own sentence."""

from __future__ import annotations

import time

import av
import numpy as np
import pytest
import scipy.signal
import soundfile

from hyper.recordings import audio
from hyper.recordings.audio import (
    SAMPLE_RATE,
    AudioError,
    audio_seconds,
    check_waveform,
    load_audio,
    save_audio,
    split_at_quiet,
)
from hyper.recordings.resampling import resample
from hyper.recordings.sound_chunk import share_there
from tests.coded import write_coded

SECONDS = 1.5


def chirp(rate: int, seconds: float = SECONDS) -> np.ndarray:  # (n_samples,)
    """300 to 1,500 Hz: below half of any rate that is tested."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (300 * t + 400 * t**2)) * np.sin(np.pi * t / seconds)).astype(np.float32)


def assert_is_chirp(waveform: np.ndarray, tolerance: float) -> None:
    """Same signal, up to the delay and padding of a codec; the tolerance is a share of the signal's energy."""
    expected = chirp(SAMPLE_RATE)
    assert waveform.dtype == np.float32 and waveform.ndim == 1
    assert abs(len(waveform) - len(expected)) < 0.15 * SAMPLE_RATE
    shift = int(np.argmax(scipy.signal.correlate(waveform, expected))) - len(expected) + 1
    assert 0 <= shift < 0.05 * SAMPLE_RATE
    heard = waveform[shift : shift + len(expected)]
    difference = heard - expected[: len(heard)]
    assert np.sum(difference**2) < tolerance * np.sum(expected**2)


def encode(path, container: str, codec: str, samples: np.ndarray, rate: int, layout: str) -> None:
    """The same samples in every channel."""
    channels = np.stack([samples] * (2 if layout == "stereo" else 1), axis=1)
    write_coded(str(path), container, codec, channels, rate, layout)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_wav(tmp_path, subtype, rate, n_channels):
    soundfile.write(tmp_path / "a.wav", np.stack([chirp(rate)] * n_channels, axis=1), rate, subtype=subtype)
    assert_is_chirp(load_audio(tmp_path / "a.wav"), tolerance=1e-3 if subtype == "PCM_U8" else 1e-5)


@pytest.mark.parametrize(
    "name, kind, subtype", [("a.flac", "FLAC", "PCM_16"), ("a.ogg", "OGG", "VORBIS"), ("a.mp3", "MP3", None)]
)
@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_formats_of_soundfile(tmp_path, name, kind, subtype, rate, n_channels):
    samples = np.stack([chirp(rate)] * n_channels, axis=1)
    soundfile.write(tmp_path / name, samples, rate, format=kind, subtype=subtype)
    assert_is_chirp(load_audio(tmp_path / name), tolerance=0.1)


@pytest.mark.parametrize(
    "name, container, codec",
    [
        ("a.m4a", "mp4", "aac"),
        ("a.aac", "adts", "aac"),
        ("a.webm", "webm", "libopus"),
        ("a.opus", "ogg", "libopus"),
        ("a.mp3", "mp3", "libmp3lame"),
    ],
)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_formats_of_phones_and_browsers(tmp_path, name, container, codec, layout):
    encode(tmp_path / name, container, codec, chirp(48_000), 48_000, layout)
    assert_is_chirp(load_audio(tmp_path / name), tolerance=0.1)


def test_the_name_need_not_tell_the_format(tmp_path):
    encode(tmp_path / "recording.wav", "webm", "libopus", chirp(48_000), 48_000, "mono")  # as some browsers do
    assert_is_chirp(load_audio(tmp_path / "recording.wav"), tolerance=0.1)


def test_opus_has_no_clicks_where_blocks_meet(tmp_path, monkeypatch):
    encode(tmp_path / "a.opus", "ogg", "libopus", chirp(48_000), 48_000, "stereo")
    whole, _ = soundfile.read(tmp_path / "a.opus", dtype="float32")  # libopus, in one block
    monkeypatch.setattr(audio, "BLOCK_SAMPLES", 4096)
    expected = resample(whole.mean(axis=1), 48_000, SAMPLE_RATE)
    loaded = load_audio(tmp_path / "a.opus")
    assert np.abs(loaded - expected[: len(loaded)]).max() < 0.01


def test_channels_are_averaged(tmp_path):
    both = np.stack([chirp(SAMPLE_RATE), np.zeros(len(chirp(SAMPLE_RATE)))], axis=1)
    soundfile.write(tmp_path / "a.wav", both, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), chirp(SAMPLE_RATE) / 2, atol=1e-6)


def test_loud_float_files_are_scaled_not_clipped(tmp_path):
    soundfile.write(tmp_path / "a.wav", 1e6 * chirp(SAMPLE_RATE), SAMPLE_RATE, subtype="FLOAT")
    loaded = load_audio(tmp_path / "a.wav")
    np.testing.assert_allclose(loaded, chirp(SAMPLE_RATE) / np.abs(chirp(SAMPLE_RATE)).max(), atol=1e-5)


def test_saved_audio_is_loaded(tmp_path):
    save_audio(tmp_path / "deep" / "a.wav", chirp(SAMPLE_RATE))
    np.testing.assert_allclose(load_audio(tmp_path / "deep" / "a.wav"), chirp(SAMPLE_RATE), atol=1e-4)
    assert soundfile.info(tmp_path / "deep" / "a.wav").subtype == "PCM_16"


def test_resampling_keeps_the_signal():
    inner = slice(1000, -1000)  # the filter rings at both ends
    np.testing.assert_allclose(resample(chirp(44_100), 44_100, 16_000)[inner], chirp(16_000)[inner], atol=1e-3)


# Hazards: each its own sentence.


def refused(path, **options) -> str:
    with pytest.raises(AudioError) as caught:
        load_audio(path, **options)
    message = str(caught.value)
    assert message.endswith((".", ";")) and "\n" not in message
    return message


def test_missing_folder_and_empty(tmp_path):
    assert refused(tmp_path / "gone.wav").startswith("There is no file")
    assert "is a folder, not a recording" in refused(tmp_path)
    (tmp_path / "empty.wav").touch()
    assert refused(tmp_path / "empty.wav") == "empty.wav is empty (0 bytes); please record or export it again."


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    save_audio(tmp_path / "a.wav", chirp(SAMPLE_RATE))
    monkeypatch.setattr("os.access", lambda *_: False)  # the superuser may read everything
    assert "may not be read by this program" in refused(tmp_path / "a.wav")


NOT_AUDIO = (b"Dear diary, " * 500, b"%PDF-1.7 " + bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" * 50)


@pytest.mark.parametrize("content", NOT_AUDIO, ids=["text", "pdf", "png"])
def test_not_audio(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    assert "is not an audio recording; please choose" in refused(tmp_path / "a.wav")


def test_video_without_sound_is_not_audio(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        out.mux(stream.encode(None))
    assert "is not an audio recording" in refused(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_damaged(tmp_path, name):
    soundfile.write(tmp_path / name, chirp(SAMPLE_RATE), SAMPLE_RATE)
    content = bytearray((tmp_path / name).read_bytes())
    kept = 40 if name == "a.wav" else len(content) // 2  # a wav header cut short; a flac whose second half is noise
    content[kept:] = b"" if name == "a.wav" else np.random.default_rng(0).bytes(len(content) - kept)
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name) == f"{name} cannot be read, it seems damaged; please record or export it again."


PLAIN_KINDS = {"WAV": "a.wav", "RF64": "a.wav", "AIFF": "a.aiff", "W64": "a.w64", "CAF": "a.caf", "AU": "a.au"}


@pytest.mark.parametrize(("kind", "name"), PLAIN_KINDS.items())
def test_a_plain_file_without_its_end(tmp_path, kind, name):
    soundfile.write(tmp_path / name, np.tile(chirp(SAMPLE_RATE), 4), SAMPLE_RATE, "PCM_16", format=kind)
    assert share_there(tmp_path / name) == 1 and audio_seconds(tmp_path / name) == 6
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: -4 * SAMPLE_RATE * 2])
    assert share_there(tmp_path / name) == pytest.approx(1 / 3, abs=0.001)
    assert refused(tmp_path / name) == (
        "The recording should be 6.0 s long, but only 2.0 s of it are there; please send or export it again."
    )
    with pytest.raises(AudioError, match=r"only 2\.0 s of it are there"):
        audio_seconds(tmp_path / name)


@pytest.mark.parametrize("promised", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_whose_length_nobody_knew_yet(tmp_path, promised):
    written_with_length(tmp_path / "a.wav", "WAV", (b"data", 4), promised.to_bytes(4, "little"))
    assert share_there(tmp_path / "a.wav") == 1
    assert len(load_audio(tmp_path / "a.wav")) == len(chirp(SAMPLE_RATE))
    assert audio_seconds(tmp_path / "a.wav") == pytest.approx(SECONDS)


LENGTHS = {"W64": (b"data", 16), "CAF": (b"data", 4), "RF64": (b"ds64", 16)}


@pytest.mark.parametrize("promised", [0, -1])
@pytest.mark.parametrize(("kind", "place"), LENGTHS.items())
def test_other_plain_files_whose_length_nobody_knew_yet(tmp_path, kind, place, promised):
    written_with_length(tmp_path / "a", kind, place, promised.to_bytes(8, "little", signed=True))
    assert share_there(tmp_path / "a") == 1
    written_with_length(tmp_path / "a", "AU", (b".snd", 8), promised.to_bytes(4, "little", signed=True))
    assert share_there(tmp_path / "a") == 1


def written_with_length(path, kind: str, place: tuple[bytes, int], length: bytes) -> None:
    soundfile.write(path, chirp(SAMPLE_RATE), SAMPLE_RATE, "PCM_16", format=kind)
    content = bytearray(path.read_bytes())
    start = content.index(place[0]) + place[1]
    content[start : start + len(length)] = length
    path.write_bytes(content)


def test_a_flac_whose_length_nobody_knew_yet(tmp_path):
    soundfile.write(tmp_path / "a.flac", chirp(SAMPLE_RATE), SAMPLE_RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0  # the 36 bits from here are the number of samples, RFC 9639, section 8.2
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert len(load_audio(tmp_path / "a.flac")) == len(chirp(SAMPLE_RATE))
    assert audio_seconds(tmp_path / "a.flac") == pytest.approx(SECONDS)


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [("a.m4a", "mp4", "aac"), ("a.mp3", "mp3", "libmp3lame"), ("a.webm", "webm", "libopus")],
)
def test_what_codecs_add_at_the_ends_does_not_count(tmp_path, name, container, codec):
    encode(tmp_path / name, container, codec, chirp(48_000, 4.0), 48_000, "mono")
    assert len(load_audio(tmp_path / name, max_seconds=4)) / SAMPLE_RATE == pytest.approx(4, abs=0.1)
    assert "limit" in refused(tmp_path / name, max_seconds=3.4)  # but what was said does


def test_a_file_of_many_chunks_is_not_walked_through(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + 200 * b"junk\0\0\0\0" + b"data\0\1\0\0")
    assert share_there(tmp_path / "a.wav") == 1
    (tmp_path / "a.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + 9 * b"junk\1\0\0\0ab" + b"data\0\1\0\0" + bytes(64))
    assert share_there(tmp_path / "a.wav") == 0.25


def test_damaged_m4a(tmp_path):
    encode(tmp_path / "a.m4a", "mp4", "aac", chirp(48_000), 48_000, "mono")
    content = (tmp_path / "a.m4a").read_bytes()
    (tmp_path / "a.m4a").write_bytes(content[: len(content) // 2])  # its index stands at the end
    assert "cannot be read" in refused(tmp_path / "a.m4a") or "not an audio" in refused(tmp_path / "a.m4a")


def test_a_codec_that_nobody_knows(tmp_path):
    encode(tmp_path / "a.webm", "webm", "libopus", chirp(48_000), 48_000, "mono")
    (tmp_path / "a.webm").write_bytes((tmp_path / "a.webm").read_bytes().replace(b"A_OPUS", b"A_NOPE"))
    assert "cannot be read" in refused(tmp_path / "a.webm")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(tmp_path, bad):
    samples = chirp(SAMPLE_RATE)
    samples[100] = bad
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    assert "samples that are not numbers" in refused(tmp_path / "a.wav")


def test_silent(tmp_path):
    quiet = chirp(SAMPLE_RATE) / np.abs(chirp(SAMPLE_RATE)).max()
    soundfile.write(tmp_path / "a.wav", 0.0009 * quiet + 0.2, SAMPLE_RATE, subtype="FLOAT")  # an offset is no sound
    assert refused(tmp_path / "a.wav") == (
        "The recording is silent (below -60 dBFS throughout); please check the microphone or the file."
    )
    soundfile.write(tmp_path / "a.wav", 0.0011 * quiet, SAMPLE_RATE, subtype="FLOAT")
    load_audio(tmp_path / "a.wav")


def test_too_short(tmp_path):
    soundfile.write(tmp_path / "a.wav", chirp(SAMPLE_RATE, 0.19), SAMPLE_RATE)
    assert refused(tmp_path / "a.wav") == "The recording is only 0.19 s long; please record at least 0.2 s."
    soundfile.write(tmp_path / "a.wav", chirp(SAMPLE_RATE, 0.21), SAMPLE_RATE)
    load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("shape", [(2, SAMPLE_RATE), (SAMPLE_RATE, 1), ()])
def test_an_array_that_is_not_one_row_of_samples(shape):
    with pytest.raises(AudioError, match="has the shape .* but samples in one row are wanted, \\(n_samples,\\)"):
        check_waveform(np.full(shape, 0.1, np.float32))


def test_too_long(tmp_path):
    soundfile.write(tmp_path / "a.wav", chirp(SAMPLE_RATE, 3.0), SAMPLE_RATE)
    assert refused(tmp_path / "a.wav", max_seconds=2) == (
        "The recording is 3.0 s long, but the limit is 2 s; please trim it."
    )


def test_a_decode_bomb_is_refused_unread(tmp_path, monkeypatch):
    """An hour of silence is a small flac and 230 MB of samples at 16 kHz."""
    soundfile.write(tmp_path / "a.flac", np.zeros(3600 * 1000, np.int16), 1000)
    assert (tmp_path / "a.flac").stat().st_size < 50_000
    encode(tmp_path / "a.webm", "webm", "libopus", chirp(8000, 4.0), 8000, "mono")
    monkeypatch.setattr(audio, "to_waveform", lambda *_: pytest.fail("decoded"))
    assert "3600.0 s long, but the limit is 600 s" in refused(tmp_path / "a.flac")
    assert "4.0 s long, but the limit is 3 s" in refused(tmp_path / "a.webm", max_seconds=3)


def test_a_file_that_hides_its_length_is_cut_off(tmp_path):
    """A browser's live webm has no duration: the decode stops at the limit."""
    with (tmp_path / "a.webm").open("wb") as file:
        pipe = type("Pipe", (), {"write": file.write})()  # cannot seek back to write the duration
        write_coded(pipe, "webm", "libopus", chirp(48_000, 8.0)[:, None], 48_000, "mono", live="1")
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.duration is None
    assert refused(tmp_path / "a.webm", max_seconds=5) == (
        "The recording is longer than the limit of 5 s; please trim it."
    )
    assert len(load_audio(tmp_path / "a.webm")) == pytest.approx(8 * SAMPLE_RATE, rel=0.01)


def test_decoding_has_a_time_limit(tmp_path, monkeypatch):
    encode(tmp_path / "a.webm", "webm", "libopus", chirp(48_000), 48_000, "mono")
    monkeypatch.setattr(audio, "DECODE_SECONDS", 0.001)
    assert "took more than 0.001 s to decode" in refused(tmp_path / "a.webm")


def test_a_playlist_that_names_other_files_is_not_followed(tmp_path, monkeypatch):
    """Without the list of containers, FFmpeg reads the file that an uploaded playlist names."""
    save_audio(tmp_path / "secret.wav", chirp(SAMPLE_RATE))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.wav").write_text("ffconcat version 1.0\nfile secret.wav\n")
    with av.open((tmp_path / "list.wav").open("rb")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0
    assert "is not an audio recording" in refused(tmp_path / "list.wav")


@pytest.mark.parametrize(
    "value, n_samples, message",
    [
        (1, 10, "is only"),
        (np.nan, SAMPLE_RATE, "not numbers"),
        (0, SAMPLE_RATE, "silent"),
        (0, 601 * SAMPLE_RATE, "601.0 s"),
    ],
)
def test_waveforms_are_checked_like_files(value, n_samples, message):
    with pytest.raises(AudioError, match=message):
        check_waveform(np.full(n_samples, value, np.float32))


# Cutting.


def test_pieces_join_back_and_are_cut_in_the_pauses():
    waveform = np.concatenate([np.concatenate([chirp(SAMPLE_RATE, 1.7), np.zeros(SAMPLE_RATE // 5)]) for _ in range(9)])
    pieces = split_at_quiet(waveform, window_seconds=4.0)
    np.testing.assert_array_equal(np.concatenate(pieces), waveform)
    assert all(len(piece) <= 4 * SAMPLE_RATE for piece in pieces)
    for piece in pieces[:-1]:
        assert np.abs(piece[-400:]).max() < 0.02  # 25 ms before the cut


@pytest.mark.parametrize("seconds, n_pieces", [(0.5, 1), (4.0, 1), (4.05, 2), (8.0, 3), (40.0, 12)])
def test_pieces_of_even_noise_are_neither_many_nor_scraps(seconds, n_pieces):
    waveform = np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)
    pieces = split_at_quiet(waveform, window_seconds=4.0)
    assert n_pieces - 1 <= len(pieces) <= 2 * seconds / 4.0 + 1
    assert min(map(len, pieces)) >= min(0.4, seconds) * SAMPLE_RATE - 1


def test_a_recording_just_over_the_window_keeps_a_useful_last_piece():
    fading = np.linspace(1, 0, round(4.05 * SAMPLE_RATE)) * np.random.default_rng(0).standard_normal(64_800)
    first, last = split_at_quiet(fading, window_seconds=4.0)
    assert 0.4 * SAMPLE_RATE <= len(last) < 0.6 * SAMPLE_RATE


def test_ten_minutes_are_cut_fast():
    waveform = np.tile(chirp(SAMPLE_RATE, 10.0), 60)
    start = time.process_time()
    assert len(split_at_quiet(waveform, 10.0)) >= 60
    assert time.process_time() - start < 3
