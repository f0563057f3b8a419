"""OpenAI's own tiny.en and the hypernetwork that comes with the project for it; skipped where the folder is not."""

from __future__ import annotations

import pytest
import torch
from served import ROOT

from hyper.compare.example_sets import manifest_of, pair_of
from hyper.compare.pipeline import PersonalizedAsr
from hyper.metrics.word_errors import outcome
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import load_hypernet
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import read_manifest
from tests.conftest import SHARED_WHISPER

FOLDER = SHARED_WHISPER / "tiny.en"
pytestmark = pytest.mark.skipif(not (FOLDER / "config.json").is_file(), reason=f"there is no tiny.en at {FOLDER}")


@pytest.fixture(scope="module")
def asr() -> PersonalizedAsr:
    return PersonalizedAsr.load(FOLDER, device="cpu")


def test_the_hypernetwork_for_tiny_en_is_found_by_its_encoder_and_adapts(asr):
    assert asr.hypernetwork == "hypernet-tiny.en"  # though the folder's token embedding is not the hub's
    comparison = asr.compare(load_audio(SHARED_WHISPER / "jfk.flac"), "ask not what your country can do for you")
    assert comparison.is_calibrated and comparison.preferred
    assert comparison.generated_parameters == 16 * 24  # a number for each learned update of each matrix of the encoder
    assert len(comparison.layers) == 24 and all(layer.frobenius > 0 for layer in comparison.layers)
    for row in (comparison.base, comparison.adapted):
        assert "what your country can do for you" in row.text
    base, again = (asr.compare(comparison.waveform, strength=0.0).adapted.text, comparison.base.text)
    assert base == again


def test_in_bfloat16_as_on_a_gpu_both_rows_say_the_same(asr):
    backbone = Backbone.load(FOLDER, "cpu", dtype=torch.bfloat16)
    network = load_hypernet(asr.hypernet_folder, backbone)
    half = PersonalizedAsr(backbone, network, asr.hypernetwork, asr.hypernet_folder, asr.calibration)
    waveform = load_audio(SHARED_WHISPER / "jfk.flac")
    states = [each.backbone.encode(each.backbone.log_mel([waveform]))[-1] for each in (asr, half)]
    assert states[1].dtype == torch.bfloat16
    assert 0 < torch.dist(*(each.float() for each in states)) < 0.03 * states[0].norm()  # 8 bits, 0.4 % a step
    whole, found = asr.compare(waveform), half.compare(waveform)
    for row in ("base", "adapted"):
        words = [getattr(each, row).words for each in (whole, found)]
        assert [word.word for word in words[0]] == [word.word for word in words[1]]
        assert [word.confidence for word in words[0]] == pytest.approx([w.confidence for w in words[1]], abs=0.1)


def test_its_examples_were_chosen_with_these_weights_and_do_what_their_manifest_says(asr):
    rows = read_manifest(manifest_of(asr, ROOT / "examples" / "manifest.csv"))
    assert {row.pair for row in rows} == {pair_of(asr)}  # else `make-examples` has to choose them again
    shown = {row.outcome: row for row in rows}
    assert set(shown) == {"harm", "tie", "gain", "right"}
    for row in shown.values():
        found = asr.compare(row.path, row.reference)
        assert outcome(found.base.errors, found.adapted.errors) == row.outcome, row.file
        assert next(iter(found.verdict.doubts), "") == row.doubt, row.file
