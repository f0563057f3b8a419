"""Recordings that several visitors ask about: worked on together, each gets what it would get alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hyper.compare.pipeline import DECODE_BATCH, PersonalizedAsr
from hyper.compare.scheduler import BATCH_SIZE, Scheduler
from hyper.compare.together import Decoded, decode_together, pair_with_sizes, wanted
from hyper.compare.word_times import pair_word_times
from hyper.model.backbone import BackboneError
from hyper.model.lora import StrengthError
from hyper.recordings.audio import SAMPLE_RATE, AudioError, load_audio


@pytest.fixture(params=["decoder.fc1", "encoder.fc1"])
def asr(request, backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone, rank=2, targets=(request.param,)), "random")


@pytest.fixture
def files(tmp_path, speech_like) -> list[Path]:
    """Short ones, and one of several pieces."""
    paths = []
    for seed, seconds in enumerate((1.0, 2.5, 9.0, 1.5)):
        paths.append(tmp_path / f"{seed}.wav")
        soundfile.write(paths[-1], speech_like(seconds, seed), SAMPLE_RATE)
    return paths


def assert_as_alone(decoded: Decoded, alone: Decoded) -> None:
    for row in ("base", "adapted"):
        mine, other = getattr(decoded.pair, row), getattr(alone.pair, row)
        assert (mine.tokens, mine.text, mine.stopped) == (other.tokens, other.text, other.stopped)
        assert mine.log_probs == pytest.approx(other.log_probs, abs=1e-4)
        assert mine.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-5)


def test_each_gets_what_it_gets_alone_whatever_its_strength_and_company(asr, files):
    strengths = (1.0, 0.0, 0.5, 2.0)
    new = [wanted(asr, file, strength=strength) for file, strength in zip(files, strengths, strict=True)]
    cached = [wanted(asr, asr.prepare(files[0]), strength=0.5), wanted(asr, asr.prepare(files[3]), strength=1.0)]
    batch = [new[0], cached[0], *new[1:], cached[1]]
    together = decode_together(batch)
    alone = [decode_together([each])[0] for each in batch]
    for each, decoded, own in zip(batch, together, alone, strict=True):
        assert_as_alone(decoded, own)
        assert set(decoded.timings_ms) == {"audio", "encode", "generate", "decode"}
        direct = asr.compare(
            load_audio(files[0]) if each is cached[0] else decoded.prepared.waveform, strength=each.strength
        )
        assert (own.pair.base.tokens, own.pair.adapted.tokens) == (
            direct.base.transcript.tokens,
            direct.adapted.transcript.tokens,
        )
    texts = [decoded.pair.adapted.text for decoded in together]
    assert len(set(texts)) == len(texts)  # or swapping two would go unnoticed
    assert together[2].pair.base.tokens == together[2].pair.adapted.tokens  # strength 0 is the base


def test_a_long_recording_is_decoded_no_more_pieces_at_once_than_when_it_is_alone(asr, files, monkeypatch):
    asked = []
    monkeypatch.setattr(asr, "decode_many", lambda *given, **how: asked.append(given[2]) or decode_many(*given, **how))
    decode_many = type(asr).decode_many.__get__(asr)
    decode_together([wanted(asr, file) for file in (files[0], files[1])])
    decode_together([wanted(asr, file) for file in files])
    assert asked == [BATCH_SIZE, DECODE_BATCH]


def test_what_is_kept_of_a_recording_is_as_trained(asr, files):
    (decoded,) = decode_together([wanted(asr, files[0], strength=0.5)])
    direct = asr.prepare(files[0])
    for kept, own in zip(decoded.prepared.lora.b, direct.lora.b, strict=True):
        assert np.allclose(kept, own)


def test_one_adaptation_per_piece_stays_each_pieces_own(asr, files):
    batch = [wanted(asr, file, adapt_per_piece=True) for file in files]
    for file, decoded in zip(files, decode_together(batch), strict=True):
        direct = asr.compare(file, adapt_per_piece=True)
        assert decoded.pair.adapted.tokens == direct.adapted.transcript.tokens


def test_without_a_hypernetwork_there_is_one_transcript(backbone, files):
    asr = PersonalizedAsr(backbone, None, None)
    for file, decoded in zip(files, decode_together([wanted(asr, file) for file in files]), strict=True):
        assert decoded.pair.adapted is None
        assert decoded.pair.base.tokens == asr.compare(file).base.transcript.tokens


def test_what_cannot_be_used_is_told_before_it_waits(asr, files, tmp_path):
    (tmp_path / "text.wav").write_text("these are not samples")
    with pytest.raises(AudioError, match=r"text\.wav is not an audio recording"):
        wanted(asr, tmp_path / "text.wav")
    with pytest.raises(BackboneError, match="does not know the language 'xx'"):
        wanted(asr, files[0], "xx")
    with pytest.raises(StrengthError, match="The strength is 3"):
        wanted(asr, files[0], strength=3.0)


def test_only_what_can_share_a_pass_is_alike(asr, files):
    first = wanted(asr, files[0])
    assert first.alike == wanted(asr, files[2], strength=0.5).alike
    assert first.alike == wanted(asr, asr.prepare(files[1])).alike
    assert first.alike != wanted(asr, files[0], adapt_per_piece=True).alike
    assert first.alike != replace(first, language="de").alike
    assert first.alike != wanted(PersonalizedAsr(asr.backbone, None, None), files[0]).alike


def test_a_part_of_a_list_is_as_the_library_transcribes_it(asr, files):
    decoded = decode_together([wanted(asr, file) for file in files])
    pairs = asr.transcribe_pairs([load_audio(file) for file in files])
    for one, pair in zip(decoded, pairs, strict=True):
        own = pair_with_sizes(asr, one)
        assert (own.base.tokens, own.adapted.tokens) == (pair.base.tokens, pair.adapted.tokens)
        assert [size.relative_frobenius for size in own.layers] == pytest.approx(
            [size.relative_frobenius for size in pair.layers]
        )


def test_visitors_in_threads_get_their_own(asr, files):
    scheduler = Scheduler(idle=0.05)
    alone = [decode_together([wanted(asr, file)])[0] for file in files]

    def visitor(i: int) -> list[Decoded]:
        own = [files[(i + j) % len(files)] for j in range(3)]
        asked = [wanted(asr, file) for file in own]
        return [scheduler.ask(i, decode_together, [each])[0] for each in asked]

    with ThreadPoolExecutor(8) as pool:
        for i, found in enumerate(pool.map(visitor, range(8))):
            for j, decoded in enumerate(found):
                assert_as_alone(decoded, alone[(i + j) % len(files)])


def test_word_times_and_layers_of_a_batch_are_those_of_each_alone(asr, files):
    strengths = (1.0, 0.0, 0.5, 2.0)
    batch = [
        wanted(asr, file, strength=strength, with_times=True, with_layers=file is not files[1])
        for file, strength in zip(files, strengths, strict=True)
    ]
    together = decode_together(batch)
    assert [decoded.layers is None for decoded in together] == [False, True, False, False]
    ends = []
    for each, decoded in zip(batch, together, strict=True):
        direct = asr.compare(decoded.prepared.waveform, strength=each.strength)
        times = pair_word_times(asr.backbone, decoded.prepared, decoded.pair)
        assert times == direct.word_times and times.base and times.adapted
        ends.append(times.base[-1].end)
        for layer, own in zip(decoded.layers or (), direct.layers if decoded.layers else (), strict=True):
            assert layer.name == own.name and layer.frobenius == pytest.approx(own.frobenius)
            assert layer.principal_angles_deg == pytest.approx(own.principal_angles_deg, abs=1e-3)
    assert len(set(ends)) == len(ends)  # or swapping two would go unnoticed


def test_without_a_hypernetwork_the_base_has_word_times_in_a_batch_too(backbone, files):
    asr = PersonalizedAsr(backbone, None, None)
    asked = [wanted(asr, file, with_times=True, with_layers=True) for file in files]
    for file, decoded in zip(files, decode_together(asked), strict=True):
        assert decoded.layers == ()
        times = pair_word_times(backbone, decoded.prepared, decoded.pair)
        assert times == asr.compare(file).word_times and times.base and times.adapted is None


def test_of_a_list_nobody_asks_for_word_times(asr, files):
    (decoded,) = decode_together([wanted(asr, files[0])])
    assert decoded.pair.base.starts == ((),) and decoded.layers is None
