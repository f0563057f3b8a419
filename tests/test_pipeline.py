"""From a recording to two transcripts: one path for one recording and for many, in pieces, in threads."""

from __future__ import annotations

import copy
import json
import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_decoding import generated

from hyper.__main__ import main
from hyper.compare import pipeline, transcribe
from hyper.compare.confidence import word_confidences
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import adapt, encode
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcribe import join_pieces, without_loops
from hyper.metrics.word_errors import word_errors
from hyper.model.checkpoint import CheckpointError, save_hypernet
from hyper.model.decoding import token_limit
from hyper.model.files import BUNDLED_FOLDER, BackboneError
from hyper.model.lora import StrengthError
from hyper.model.subspace import dense_update
from hyper.model.utterance_encoder import pool_statistics
from hyper.recordings.audio import SAMPLE_RATE, AudioError, save_audio, split_at_quiet

EXAMPLES = Path(__file__).parent.parent / "examples" / "manifest.csv"


@pytest.fixture
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


def merged_model(asr: PersonalizedAsr, waveform: np.ndarray, strength: float = 1.0):
    """A copy of the base with the recording's own update in its weights, made step by step from the parts."""
    backbone = asr.backbone
    states = backbone.encode(backbone.log_mel([waveform]))
    statistics = pool_statistics(states, torch.tensor([backbone.n_speech_states(len(waveform))]))
    with torch.no_grad():
        lora = asr.hypernet(statistics)
    model = copy.deepcopy(backbone.model)
    for i, site in enumerate(lora.sites):
        model.get_submodule(site.name).weight.data += strength * lora.delta(0, i)
    return model


def test_what_is_kept_of_one_recording_holds_nothing_of_another(asr, backbone, speech_like):
    """Those of several visitors are encoded together, and each is kept for as long as its own visitor stays."""
    first, second = encode(backbone, [speech_like(1.0), speech_like(1.0, 1)])
    for name in ("log_mel", "states", "embedded"):
        one, other = (getattr(each, name) for each in (first, second))
        assert one.untyped_storage().data_ptr() != other.untyped_storage().data_ptr()
        assert one.untyped_storage().nbytes() == one.nbytes
    for each in adapt(backbone, asr.hypernet, [first, second], "en", False, Stopwatch(backbone.device)):
        assert each.embedding.untyped_storage().nbytes() == each.embedding.nbytes


def test_many_recordings_come_with_the_size_of_each_layers_change(asr, speech_like):
    waveforms = [speech_like(2.0, seed) for seed in range(3)]
    for waveform, pair in zip(waveforms, asr.transcribe_pairs(waveforms, strength=0.5), strict=True):
        layers = asr.compare(waveform, strength=0.5).layers
        assert [size.name for size in pair.layers] == [layer.name for layer in layers]
        assert [size.relative_frobenius for size in pair.layers] == pytest.approx(
            [layer.relative_frobenius for layer in layers], rel=1e-4
        )
    assert len({pair.layers for pair in asr.transcribe_pairs(waveforms)}) == 3  # each its own


def test_both_transcripts_are_those_of_transformers(asr, speech_like):
    backbone = asr.backbone
    for seed in range(4):
        waveform = speech_like(2.0 + seed / 2, seed)
        comparison = asr.compare(waveform)
        log_mel, limit = backbone.log_mel([waveform]), token_limit(len(waveform) / SAMPLE_RATE, backbone)
        n_base, n_adapted = len(comparison.base.transcript.tokens), len(comparison.adapted.transcript.tokens)
        assert comparison.base.transcript.tokens == generated(backbone.model, log_mel, backbone, limit)[:n_base]
        assert (
            comparison.adapted.transcript.tokens
            == generated(merged_model(asr, waveform), log_mel, backbone, limit)[:n_adapted]
        )
        assert comparison.base.transcript.tokens != comparison.adapted.transcript.tokens
        assert comparison.base.text == backbone.to_text(comparison.base.transcript.tokens)


def test_adapted_encoder_layers_give_the_adapted_row_its_own_states(backbone, make_hypernet, speech_like):
    targets = ("encoder.fc1", "encoder.v_proj", "decoder.fc1")
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, targets=targets, strength=0.3), "random")
    for seed in range(3):
        waveform = speech_like(3.0, seed)
        comparison = asr.compare(waveform)
        log_mel = backbone.log_mel([waveform])
        limit = token_limit(3.0, backbone)
        n = len(comparison.adapted.transcript.tokens)
        assert (
            comparison.adapted.transcript.tokens == generated(merged_model(asr, waveform), log_mel, backbone, limit)[:n]
        )
        assert (
            comparison.base.transcript.tokens
            == PersonalizedAsr(backbone, None, None).compare(waveform).base.transcript.tokens
        )
    assert [layer.name for layer in comparison.layers][:2] == [
        "model.encoder.layers.0.fc1",
        "model.encoder.layers.1.fc1",
    ]


def test_untrained_is_the_base_exactly(backbone, make_hypernet, speech_like):
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, is_trained=False), "untrained")
    for pair in asr.transcribe_pairs([speech_like(2.0, seed) for seed in range(4)]):
        assert pair.adapted.tokens == pair.base.tokens
        assert pair.adapted.text == pair.base.text
    comparison = asr.compare(speech_like(2.0))
    assert comparison.layers[0].frobenius == 0 and comparison.layers[0].max_angle_deg == 0


def test_many_at_once_are_what_each_is_alone_in_order(asr, speech_like):
    waveforms = [speech_like(seconds, seed) for seed, seconds in enumerate([3.0, 0.5, 9.0, 1.0, 2.0, 3.5, 0.7])]
    for batch_size in (1, 3, 16):
        pairs = asr.transcribe_pairs(waveforms, batch_size)
        for waveform, pair in zip(waveforms, pairs, strict=True):
            comparison = asr.compare(waveform)
            assert (pair.base.tokens, pair.adapted.tokens) == (
                comparison.base.transcript.tokens,
                comparison.adapted.transcript.tokens,
            )
    assert asr.transcribe_pairs([]) == []


def test_the_encoder_runs_once_for_both_rows(asr, speech_like):
    calls = []
    watch = asr.backbone.model.model.encoder.layer_norm.register_forward_hook(lambda *_: calls.append(1))
    asr.compare(speech_like(2.0))
    watch.remove()
    assert len(calls) == 1


def test_without_hypernetwork_there_are_base_rows_only(backbone, asr, speech_like):
    alone = PersonalizedAsr(backbone, None, None)
    widths = []
    watch = backbone.model.model.decoder.layer_norm.register_forward_hook(
        lambda _norm, _inputs, output: widths.append(len(output))
    )
    comparison = alone.compare(speech_like(2.0), "turn on the lights")
    watch.remove()
    assert set(widths) == {1}
    assert comparison.adapted is comparison.embedding is comparison.hypernetwork is None
    assert comparison.layers == () and comparison.generated_parameters == 0
    assert comparison.base.transcript.tokens == asr.compare(speech_like(2.0)).base.transcript.tokens
    assert comparison.to_json()["adapted"] is None and comparison.to_json()["stopped"]["adapted"] is None
    assert alone.transcribe_pairs([speech_like(2.0)])[0].adapted is None


# Strength.

STRENGTHS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)


def test_half_the_strength_is_half_the_update_merged(asr, backbone, speech_like):
    for seed in range(3):
        waveform = speech_like(2.5, seed)
        half, whole = asr.compare(waveform, strength=0.5), asr.compare(waveform)
        log_mel, limit = backbone.log_mel([waveform]), token_limit(2.5, backbone)
        n = len(half.adapted.transcript.tokens)
        assert (
            half.adapted.transcript.tokens == generated(merged_model(asr, waveform, 0.5), log_mel, backbone, limit)[:n]
        )
        assert half.base.transcript.tokens == whole.base.transcript.tokens
        assert half.adapted.transcript.tokens not in (whole.adapted.transcript.tokens, whole.base.transcript.tokens)
        for layer, same_layer in zip(half.layers, whole.layers, strict=True):
            assert layer.frobenius == pytest.approx(same_layer.frobenius / 2, rel=1e-5)
        assert half.to_json()["strength"] == half.strength == 0.5 and whole.strength == 1
        torch.testing.assert_close(half.lora.delta(0, 1), whole.lora.delta(0, 1) / 2)


def test_a_sweep_runs_from_the_base_to_the_adapted_and_on(asr, speech_like):
    waveform = speech_like(2.0)
    comparison, prepared = asr.compare(waveform), asr.prepare(waveform)
    none, whole = asr.strength_sweep(prepared, [0, 1])
    assert (none.tokens, none.text) == (comparison.base.transcript.tokens, comparison.base.text)
    assert (whole.tokens, whole.text) == (comparison.adapted.transcript.tokens, comparison.adapted.text)
    assert none.tokens != whole.tokens
    assert asr.compare(waveform, strength=0).adapted.transcript.tokens == comparison.base.transcript.tokens
    assert {layer.frobenius for layer in asr.compare(waveform, strength=0).layers} == {0}


@pytest.mark.parametrize("adapt_per_piece", [False, True])
@pytest.mark.parametrize("seconds", [2.0, 9.0])
def test_rows_of_a_sweep_are_what_each_strength_gives_alone(asr, speech_like, seconds, adapt_per_piece, monkeypatch):
    waveform = speech_like(seconds)
    prepared = asr.prepare(waveform, adapt_per_piece=adapt_per_piece)
    for decode_batch in (8, 1):  # one piece at a time is several batches, each with all strengths
        monkeypatch.setattr(pipeline, "DECODE_BATCH", decode_batch)
        sweep = asr.strength_sweep(prepared, STRENGTHS)
        for strength, transcript in zip(STRENGTHS, sweep, strict=True):
            again = asr.compare_prepared(prepared, strength=strength)
            alone = asr.compare(waveform, strength=strength, adapt_per_piece=adapt_per_piece)
            assert transcript.tokens == again.adapted.transcript.tokens == alone.adapted.transcript.tokens
            assert transcript.text == again.adapted.text and transcript.stopped == again.adapted.transcript.stopped
            assert again.base.transcript.tokens == alone.base.transcript.tokens == sweep[0].tokens
    assert len({transcript.tokens for transcript in sweep}) > 3  # or the strength did nothing
    assert len(prepared.n_samples) == (1 if seconds == 2 else alone.n_pieces)


def test_many_recordings_at_another_strength(asr, speech_like):
    waveforms = [speech_like(seconds, seed) for seed, seconds in enumerate([3.0, 0.5, 9.0, 1.0])]
    for waveform, pair in zip(waveforms, asr.transcribe_pairs(waveforms, 3, strength=0.5), strict=True):
        alone = asr.compare(waveform, strength=0.5)
        assert (pair.base.tokens, pair.adapted.tokens) == (
            alone.base.transcript.tokens,
            alone.adapted.transcript.tokens,
        )


def test_decoding_again_encodes_nothing_and_runs_all_strengths_at_once(asr, backbone, speech_like):
    prepared = asr.prepare(speech_like(2.0))
    encoded, widths = [], []
    watches = [
        backbone.model.model.encoder.layer_norm.register_forward_hook(lambda *_: encoded.append(1)),
        backbone.model.model.decoder.layer_norm.register_forward_hook(
            lambda _norm, _inputs, output: widths.append(len(output))
        ),
    ]
    asr.strength_sweep(prepared, STRENGTHS)
    asr.compare_prepared(prepared, strength=0.5)
    for watch in watches:
        watch.remove()
    assert encoded == []
    assert widths[0] == len(STRENGTHS)


def test_adapted_encoder_layers_at_another_strength(backbone, make_hypernet, speech_like):
    targets = ("encoder.fc1", "encoder.v_proj", "decoder.fc1")
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, targets=targets, strength=0.3), "random")
    for seed in range(2):
        waveform = speech_like(3.0, seed)
        prepared = asr.prepare(waveform)
        sweep = asr.strength_sweep(prepared, [0, 0.5, 1])
        log_mel, limit = backbone.log_mel([waveform]), token_limit(3.0, backbone)
        for strength, transcript in zip([0, 0.5, 1], sweep, strict=True):
            expected = generated(merged_model(asr, waveform, strength), log_mel, backbone, limit)
            assert transcript.tokens == expected[: len(transcript.tokens)]
        assert len({transcript.tokens for transcript in sweep}) == 3


def test_a_prepared_recording_gives_what_compare_gives(asr, speech_like):
    waveform = speech_like(9.0)
    prepared, direct = asr.prepare(waveform), asr.compare(waveform, "turn on", strength=0.5)
    asr.compare_prepared(prepared, strength=2)  # leaves no trace
    comparison = asr.compare_prepared(prepared, "turn on", 0.5)
    assert (comparison.base, comparison.adapted) == (direct.base, direct.adapted)
    assert list(comparison.timings_ms) == list(direct.timings_ms)
    np.testing.assert_array_equal(comparison.log_mel, direct.log_mel)
    assert list(prepared.timings_ms) == ["audio", "encode", "generate"]


def test_the_embedding_is_computed_once(asr, speech_like, monkeypatch):
    embedded, embed = [], asr.hypernet.utterance_encoder.forward
    monkeypatch.setattr(asr.hypernet.utterance_encoder, "forward", lambda read: embedded.append(1) or embed(read))
    asr.compare(speech_like(1.0))
    assert len(embedded) == 1


def test_a_strength_that_cannot_be_is_told_before_the_work(asr, speech_like, monkeypatch):
    waveform = speech_like(1.0)
    prepared = asr.prepare(waveform)
    monkeypatch.setattr(asr.backbone.model.model.encoder.conv1, "forward", lambda *_: pytest.fail("encoded"))
    monkeypatch.setattr(transcribe, "greedy_decode", lambda *_a, **_k: pytest.fail("decoded"))
    for refused in (
        lambda: asr.compare(waveform, strength=2.5),
        lambda: asr.transcribe_pairs([waveform], strength=2.5),
        lambda: asr.compare_prepared(prepared, strength=2.5),
        lambda: asr.strength_sweep(prepared, [1, 2.5]),
    ):
        with pytest.raises(StrengthError, match=r"The strength is 2\.5, but it must be between 0 \(base\) and 2"):
            refused()


def test_without_hypernetwork_no_strength_changes_anything(backbone, speech_like):
    alone = PersonalizedAsr(backbone, None, None)
    prepared = alone.prepare(speech_like(1.0))
    half = alone.compare_prepared(prepared, strength=0.5)
    assert half.adapted is None and half.base == alone.compare_prepared(prepared).base
    with pytest.raises(StrengthError, match="no hypernetwork for whisper-random, so no strength changes anything"):
        alone.strength_sweep(prepared, [0, 1])
    with pytest.raises(StrengthError, match="The strength is -1"):
        alone.compare_prepared(prepared, strength=-1)


def test_compare_takes_a_strength_on_the_command_line(asr, whisper_folder, speech_like, tmp_path, capsys):
    save_hypernet(asr.hypernet, tmp_path / "hypernet")
    save_audio(tmp_path / "a.wav", speech_like(1.5))
    given = [
        "compare",
        str(tmp_path / "a.wav"),
        "--base",
        str(whisper_folder),
        "--hypernet",
        str(tmp_path / "hypernet"),
    ]
    expected = asr.compare(tmp_path / "a.wav", strength=0.5)
    assert main([*given, "--strength", "0.5", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["strength"], record["adapted"]) == (0.5, expected.adapted.text)
    assert record["flags"]["base"] == [flag.to_json() for flag in expected.base.flags]
    assert main([*given, "--strength", "0.5"]) == 0
    assert "strength   0.5 times the update" in capsys.readouterr().out
    assert main([*given, "--strength", "3"]) == 1
    assert capsys.readouterr().err == (
        "hyper compare: The strength is 3, but it must be between 0 (base) and 2; 1 is as trained.\n"
    )


# Long recordings.


def test_pieces_are_transcribed_and_joined(asr, backbone, speech_like):
    waveform = speech_like(9.0)
    pieces = split_at_quiet(waveform, backbone.window_seconds)
    comparison = asr.compare(waveform)
    alone = [PersonalizedAsr(backbone, None, None).compare(piece).base.transcript for piece in pieces]
    assert comparison.n_pieces == len(pieces) == len(alone) > 2
    assert comparison.base.transcript.tokens == sum((piece.tokens for piece in alone), ())
    assert comparison.base.text == " ".join(piece.text for piece in alone if piece.text)
    assert comparison.log_mel.shape == (80, sum(-(-len(piece) // 320) for piece in pieces))  # 20 ms a frame


def test_one_adaptation_for_the_recording_or_one_for_each_piece(asr, backbone, speech_like):
    waveform = np.concatenate([speech_like(3.9, 0), 0.3 * speech_like(3.9, 1)])
    pieces = split_at_quiet(waveform, backbone.window_seconds)
    whole, each = asr.compare(waveform), asr.compare(waveform, adapt_per_piece=True)
    assert whole.base.transcript.tokens == each.base.transcript.tokens
    assert each.adapted.transcript.tokens == sum((asr.compare(piece).adapted.transcript.tokens for piece in pieces), ())
    assert whole.adapted.transcript.tokens != each.adapted.transcript.tokens
    np.testing.assert_allclose(each.embedding, asr.compare(pieces[0]).embedding, atol=1e-4)
    assert np.abs(whole.embedding - each.embedding).max() > 0.01


def test_a_recording_stops_as_its_worst_piece(asr):
    from hyper.model.decoding import DecodedRow

    ends = (("end", 0.9), ("repetition", 0.2), ("length", 0.5))
    (a,) = asr.backbone.to_tokens("a")
    rows = [DecodedRow((a,), (-0.1,), stopped, no_speech_prob) for stopped, no_speech_prob in ends]
    transcript = join_pieces(asr.backbone, rows)
    assert (transcript.stopped, transcript.no_speech_prob, transcript.tokens) == ("repetition", 0.2, (a, a, a))
    assert transcript.piece_lengths == (1, 1, 1)
    assert join_pieces(asr.backbone, [rows[0], rows[2]]).stopped == "length"
    assert join_pieces(asr.backbone, [rows[0]]).stopped == "end"


@pytest.mark.parametrize(("stopped", "tokens"), [("end", (5, 6)), ("length", (9, 1, 2))])
def test_a_row_that_was_stopped_in_a_loop_is_decoded_again_with_its_own_weights(asr, monkeypatch, stopped, tokens):
    from hyper.model.decoding import DecodedRow

    loop = DecodedRow((9, *(1, 2) * 8), (-0.1,) * 17, "repetition", 0.2, tuple(range(18)))
    end = DecodedRow((3,), (-0.2,), "end", 0.1, (0, 4))
    again = DecodedRow((5, 6), (-3.0, -0.1), stopped, 0.2, (0, 7, 9))
    asked = []

    def decode(_backbone, states, limits, language, applied, **options):
        asked.append((states.tolist(), limits, language, applied.kept, options))
        return [again]

    monkeypatch.setattr(transcribe, "greedy_decode", decode)
    weights = SimpleNamespace(take=lambda rows: rows)
    backbone = SimpleNamespace(adapted=lambda rows, stack: nullcontext(SimpleNamespace(kept=(rows, stack))))
    states = torch.arange(2.0)[:, None, None]  # of two recordings, for base and adapted rows alike
    mended = without_loops(backbone, [end, end, end, loop], states, [7, 8, 30, 30], "en", weights, [50, 60, 70, 80])
    assert asked == [([[[1.0]]], [30], "en", ([3], "decoder"), {"forbids_loops": True, "speech_states": [80]})]
    assert mended[:3] == [end] * 3 and (mended[3].tokens, mended[3].stopped) == (tokens, "repetition")
    assert len(mended[3].log_probs) == len(tokens)
    assert mended[3].starts == ((0, 7, 9) if stopped == "end" else (0, 1, 2, 3))
    assert without_loops(backbone, [end], states[:1], [7], "en") == [end] and len(asked) == 1


def test_a_piece_of_which_only_marks_are_written_says_nothing(asr):
    from hyper.model.decoding import DecodedRow

    pieces = [
        DecodedRow(tuple(asr.backbone.to_tokens(text)), (-0.1,) * len(asr.backbone.to_tokens(text)), "end", 0.2)
        for text in ("on.", ". -", "♪♪", "7")
    ]
    transcript = join_pieces(asr.backbone, pieces)
    assert transcript.text == "on. 7"
    assert transcript.tokens == pieces[0].tokens + pieces[3].tokens
    assert transcript.piece_lengths == (len(pieces[0].tokens), 0, 0, len(pieces[3].tokens))
    assert [word for word, _ in word_confidences(asr.backbone, transcript)] == ["on.", "7"]
    silent = join_pieces(asr.backbone, pieces[1:2])
    assert (silent.text, silent.tokens, silent.log_probs, silent.stopped) == ("", (), (), "end")


# What comes with the transcripts.


def test_comparison_says_what_was_done(asr, backbone, speech_like, tmp_path):
    save_audio(tmp_path / "a.wav", speech_like(2.0))
    comparison = asr.compare(tmp_path / "a.wav", "turn on the lights")
    assert comparison.reference == "turn on the lights"
    assert comparison.base.errors == word_errors("turn on the lights", comparison.base.text)
    assert comparison.adapted.errors == word_errors("turn on the lights", comparison.adapted.text)
    assert list(comparison.timings_ms) == ["audio", "encode", "generate", "decode"]
    assert all(ms > 0 for ms in comparison.timings_ms.values())
    assert comparison.seconds == 2.0 and comparison.waveform.shape == (32_000,)
    assert comparison.log_mel.shape == (80, 100)
    assert (comparison.base_model, comparison.hypernetwork, comparison.device) == ("whisper-random", "random", "cpu")
    assert comparison.generated_parameters == 2 * (32 + 128)  # two decoder layers, rank 1
    assert comparison.generated_share == pytest.approx(320 / backbone.n_parameters)
    assert [layer.name for layer in comparison.layers] == [f"model.decoder.layers.{i}.fc1" for i in range(2)]


def test_layers_describe_the_update_that_was_decoded_with(asr, backbone, speech_like):
    waveform = speech_like(2.0)
    comparison, model = asr.compare(waveform), merged_model(asr, waveform)
    for layer in comparison.layers:
        before = backbone.model.get_submodule(layer.name).weight.double()
        change = (model.get_submodule(layer.name).weight.double() - before).detach()
        assert layer.frobenius == pytest.approx(change.norm().item(), rel=1e-4)
        assert layer.relative_frobenius == pytest.approx((change.norm() / before.norm()).item(), rel=1e-4)


def test_json_has_the_shared_vocabulary(asr, speech_like):
    record = json.loads(json.dumps(asr.compare(speech_like(2.0), "turn on").to_json(file="a.wav")))
    assert list(record) == [
        *("file", "reference", "speaker", "cohort", "severity", "base", "adapted", "base_errors", "adapted_errors"),
        *("verbatim", "base_verbatim_errors", "adapted_verbatim_errors", "stopped"),
        *("words", "word_times", "confidence_is_calibrated", "no_speech", "flags", "preferred", "verdict", "strength"),
        *("timings_ms", "device", "base_model", "hypernetwork"),
        *("generated_parameters", "generated_share", "layers"),
    ]
    assert set(record["base_errors"]) == {"hits", "substitutions", "deletions", "insertions", "wer", "cer"}
    assert set(record["stopped"]) == set(record["flags"]) == {"base", "adapted"}
    assert set(record["layers"][0]) == {
        *("name", "frobenius", "relative_frobenius", "singular_values", "principal_angles_deg")
    }


@pytest.mark.parametrize("generated", ["both", "coefficients"])
def test_each_recording_has_the_measures_of_its_own_update(backbone, make_hypernet, speech_like, generated):
    targets = ("encoder.fc1", "decoder.fc2", "decoder.q_proj")
    hypernet = make_hypernet(backbone, rank=2, targets=targets, generated=generated)
    if generated == "coefficients":
        torch.nn.init.normal_(hypernet.coefficients.weight)  # at first they are the same for every recording
    asr = PersonalizedAsr(backbone, hypernet, "random")
    seen = set()
    for seed in range(2):
        prepared = asr.prepare(speech_like(2.0, seed))
        layers = asr.compare_prepared(prepared, strength=0.5).layers
        for i, (site, layer) in enumerate(zip(prepared.lora.sites, layers, strict=True)):
            with torch.inference_mode():
                weight, delta = backbone.site_weight(site), 0.5 * prepared.lora.delta(0, i)
            expected = dense_update(weight, weight + delta, site.name)
            assert layer.name == site.name
            assert layer.frobenius == pytest.approx(expected.frobenius, rel=1e-3)
            assert layer.relative_frobenius == pytest.approx(expected.relative_frobenius, rel=1e-3)
            n = 0 if site.d_in == site.d_out else 2
            np.testing.assert_allclose(
                layer.principal_angles_deg, expected.principal_angles_deg[:n], rtol=1e-3, atol=1e-3
            )
            seen.add(layer.frobenius)
    assert len(seen) == 2 * len(layers)  # the second recording's are not the first's


@pytest.mark.parametrize("reference", [None, "", "   "])
def test_without_reference_no_errors_are_invented(asr, speech_like, reference):
    comparison = asr.compare(speech_like(1.0), reference)
    assert comparison.reference is comparison.base.errors is comparison.adapted.errors is None


def test_recordings_given_as_samples_are_checked_too(asr, speech_like, monkeypatch):
    silent = np.zeros(SAMPLE_RATE, np.float32)
    with pytest.raises(AudioError, match="silent"):
        asr.compare(silent)
    monkeypatch.setattr(asr.backbone.model.model.encoder.conv1, "forward", lambda *_: pytest.fail("encoded"))
    with pytest.raises(AudioError, match="silent"):
        asr.transcribe_pairs([speech_like(1.0), silent], batch_size=1)


def test_an_unknown_language_is_told_before_the_work(asr, speech_like, monkeypatch):
    monkeypatch.setattr(asr.backbone.model.model.encoder.conv1, "forward", lambda *_: pytest.fail("encoded"))
    with pytest.raises(BackboneError, match="English only"):
        asr.compare(speech_like(1.0), language="de")


def test_the_language_reaches_the_prompt_of_both_rows(hub_backbone, make_hypernet, speech_like, monkeypatch):
    monkeypatch.setattr(hub_backbone, "cuts_window", False)  # transformers knows whole windows only
    asr = PersonalizedAsr(hub_backbone, make_hypernet(hub_backbone, is_trained=False), "untrained")
    waveform = speech_like(1.5)
    english, german = asr.compare(waveform), asr.compare(waveform, language="de")
    log_mel, limit = hub_backbone.log_mel([waveform]), token_limit(1.5, hub_backbone)
    expected = generated(hub_backbone.model, log_mel, hub_backbone, limit, "de")
    assert (
        german.base.transcript.tokens
        == german.adapted.transcript.tokens
        == expected[: len(german.base.transcript.tokens)]
    )
    assert german.base.transcript.tokens != english.base.transcript.tokens


def test_an_error_in_the_decode_leaves_the_base_and_the_lock_as_they_were(asr, speech_like, monkeypatch):
    def n_hooks() -> int:  # transformers has some of its own
        return sum(len(module._forward_hooks) for module in asr.backbone.model.modules())

    before, n_before = asr.compare(speech_like(2.0)), n_hooks()

    def fail(*_arguments, **_options):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(transcribe, "greedy_decode", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        asr.compare(speech_like(2.0))
    monkeypatch.undo()
    assert n_hooks() == n_before
    worker = threading.Thread(target=lambda: asr.compare(speech_like(2.0)), daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive()  # the lock is free for another thread
    assert asr.compare(speech_like(2.0)).base.transcript.tokens == before.base.transcript.tokens


def test_threads_that_share_a_model_never_mix_their_rows(asr, speech_like):
    waveforms = [speech_like(2.0, seed) for seed in range(6)]
    alone = [asr.compare(waveform) for waveform in waveforms]
    together: dict[tuple[int, int], tuple] = {}
    errors: list[Exception] = []
    start = threading.Barrier(len(waveforms))

    def work(i: int) -> None:
        start.wait()
        try:
            for turn in range(4):
                comparison = asr.compare(waveforms[i])
                together[i, turn] = (comparison.base.transcript.tokens, comparison.adapted.transcript.tokens)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(waveforms))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(together) == 24
    for (i, _turn), tokens in together.items():
        assert tokens == (alone[i].base.transcript.tokens, alone[i].adapted.transcript.tokens)


# Loading.


def test_the_hypernetwork_that_fits_is_found_in_assets(whisper_folder, backbone, make_hypernet, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "ASSETS", tmp_path)
    assert PersonalizedAsr.load(whisper_folder, device="cpu").hypernet is None
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet-random")
    asr = PersonalizedAsr.load(whisper_folder, device="cpu")
    assert asr.hypernetwork == "hypernet-random" and asr.hypernet.n_generated == 320


def test_a_hypernetwork_of_another_base_is_refused(hub_folder, backbone, make_hypernet, tmp_path):
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet")
    with pytest.raises(CheckpointError, match="was trained for whisper-random"):
        PersonalizedAsr.load(hub_folder, hypernet=tmp_path / "hypernet", device="cpu")


# The bundled pair.


@pytest.fixture(scope="module")
def bundled() -> PersonalizedAsr:
    if not (BUNDLED_FOLDER / "model.safetensors").is_file() or not EXAMPLES.is_file():
        pytest.skip("the bundled models and examples are not here yet")
    return PersonalizedAsr.load(device="cpu")


def test_every_bundled_example_is_what_transformers_hears(bundled):
    from hyper.recordings.audio import load_audio
    from hyper.recordings.manifest import read_manifest

    rows = read_manifest(EXAMPLES)
    assert len(rows) >= 12
    changed = 0
    for row in rows:
        waveform = load_audio(row.path)
        comparison = bundled.compare(waveform)
        log_mel = bundled.backbone.log_mel([waveform])
        limit = token_limit(comparison.seconds, bundled.backbone)
        base = generated(bundled.backbone.model, log_mel, bundled.backbone, limit)
        adapted = generated(merged_model(bundled, waveform), log_mel, bundled.backbone, limit)
        assert comparison.base.transcript.tokens == base[: len(comparison.base.transcript.tokens)], row.file
        assert comparison.adapted.transcript.tokens == adapted[: len(comparison.adapted.transcript.tokens)], row.file
        for transcript, expected in (
            (comparison.base.transcript, base),
            (comparison.adapted.transcript, adapted),
        ):
            assert transcript.stopped == "repetition" or transcript.tokens == expected, row.file
        changed += base != adapted
    assert changed > 0


def test_the_bundled_pair_is_small(bundled):
    assert bundled.hypernet is not None
    assert bundled.hypernet.n_generated / bundled.backbone.n_parameters <= 0.001
    folders = [BUNDLED_FOLDER, BUNDLED_FOLDER.parent / bundled.hypernetwork]
    assert sum(file.stat().st_size for folder in folders for file in folder.rglob("*")) <= 60e6


def test_recordings_of_several_windows_are_transcribed_as_each_alone(hub_backbone, make_hypernet, speech_like):
    asr = PersonalizedAsr(hub_backbone, make_hypernet(hub_backbone, targets=("encoder.fc1", "decoder.fc1")), "random")
    waveforms = [speech_like(seconds, i) for i, seconds in enumerate((3.0, 1.0, 2.0, 1.2))]
    together = asr.transcribe_pairs(waveforms, batch_size=4)
    for waveform, pair in zip(waveforms, together, strict=True):
        alone = asr.compare(waveform)
        assert pair.base.tokens == alone.base.transcript.tokens
        assert pair.adapted.tokens == alone.adapted.transcript.tokens
    assert len({pair.base.tokens for pair in together}) > 1
    assert [each.states.shape[1] for each in encode(hub_backbone, waveforms)] == [200, 100, 200, 100]
