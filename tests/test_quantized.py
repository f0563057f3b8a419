"""Bases in 8 and 4 bits: refused in a sentence where they cannot be had, close to the whole base where they can."""

from __future__ import annotations

import builtins
import copy

import pytest
import torch

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.files import BackboneError
from hyper.model.quantized import check_bits, full_weight
from hyper.model.shapes import SHAPES, random_backbone
from hyper.recordings.manifest import read_manifest
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.live_states import LiveStates

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_few_bits_are_refused_off_cuda(whisper_folder) -> None:
    with pytest.raises(BackboneError, match="in 4 bits needs a CUDA card, not cpu; leave --bits out"):
        PersonalizedAsr.load(whisper_folder, device="cpu", bits=4)
    with pytest.raises(BackboneError, match="can be loaded in 8 or 4 bits, not in 3"):
        check_bits(3, CUDA)


def test_few_bits_without_bitsandbytes_are_refused(monkeypatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *arguments, **keywords):
        if name == "bitsandbytes":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackboneError, match="needs bitsandbytes, which is not installed: pip install bitsandbytes"):
        check_bits(8, CUDA)


def test_parameters_are_counted_before_they_are_packed(whisper_folder, monkeypatch) -> None:
    whole = Backbone.load(whisper_folder, device="cpu")

    def halve(model, *_) -> None:
        for layer in model.model.decoder.layers:
            layer.fc1.weight = torch.nn.Parameter(layer.fc1.weight[::2])

    monkeypatch.setattr("hyper.model.backbone.quantise", halve)
    parts = copy.deepcopy(whole.model), whole.extractor, whole.tokenizer
    packed = Backbone(*parts, "packed", CPU, torch.float32, 4)
    assert sum(p.numel() for p in packed.model.parameters()) < packed.n_parameters == whole.n_parameters


@pytest.mark.parametrize(("bits", "closest"), [(8, 0.99), (4, 0.9)])
def test_a_packed_base_compares_and_its_hypernetwork_learns(
    bits: int, closest: float, make_hypernet, speech_like, spoken, tmp_path
) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    whole = random_backbone(SHAPES["tiny"].narrow(32), "cpu", torch.bfloat16, n_written=6)  # blocks of 64 fit
    parts = copy.deepcopy(whole.model), whole.extractor, whole.tokenizer
    packed = Backbone(*parts, "packed", CPU, torch.bfloat16, bits)
    for layer in packed.model.modules():  # on a CPU it would repack them for inference alone, which CUDA does not
        layer.support_avx512bf16_for_cpu = False
    assert packed.body_fingerprint == whole.body_fingerprint  # of the stored weights: hypernetworks still fit
    assert packed.n_parameters == whole.n_parameters  # though two of 4 bits share a byte
    sites = packed.sites(["decoder.fc1", "encoder.q_proj"])
    assert sites == whole.sites(["decoder.fc1", "encoder.q_proj"])
    for site in sites:
        assert not packed.layer(site).weight.is_floating_point()
        both = full_weight(packed.layer(site)).float(), whole.site_weight(site).float()
        assert torch.nn.functional.cosine_similarity(*(each.flatten() for each in both), dim=0) > closest

    asr = PersonalizedAsr(packed, make_hypernet(packed, rank=2, alpha=3.0), "hypernet-random")
    comparison = asr.compare(speech_like(2.0))
    assert comparison.base.text != comparison.adapted.text
    states = [
        each.encode(each.log_mel([comparison.waveform], 2 * 16_000))[-1].float().flatten() for each in (whole, packed)
    ]
    assert torch.nn.functional.cosine_similarity(*states, dim=0) > 0.9

    adaptation = HypernetAdaptation(packed, config_for(packed, d_hidden=16, n_mixes=2), "en", 0)
    adaptation(LiveStates(packed, read_manifest(spoken)[:4]).batch([0, 1, 2, 3])).backward()
    gradients = [head.weight.grad for head in adaptation.hypernet.b_heads.values()]
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in gradients)
    with pytest.raises(BackboneError, match=f"in {bits} bits cannot be written as a folder"):
        packed.save(tmp_path / "packed", {})
