"""Whispers of the large shapes, narrow and with random weights: 128 mel bands, other decoder depths, tied or not."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.fingerprint import body_fingerprint
from hyper.model.info import memory_cost, parameters_of
from hyper.model.lora import LoraWeights
from hyper.model.shapes import SHAPES, n_parameters, random_backbone
from hyper.recordings.manifest import read_manifest
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.live_states import LiveStates
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining

D_HEAD = 4  # not 64
N_WRITTEN = 8  # tokens
LARGE = {
    "large-v3": SHAPES["large-v3"],
    "large-v3-turbo": SHAPES["large-v3-turbo"],
    "distil-large-v3": SHAPES["distil-large-v3"],
    "untied": replace(SHAPES["distil-large-v3"], name="untied", is_tied=False),
}


@pytest.fixture(scope="module", params=LARGE)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the shapes as a folder on disk."""
    folder = tmp_path_factory.mktemp("shapes") / request.param
    random_backbone(LARGE[request.param].narrow(D_HEAD), "cpu", n_written=N_WRITTEN).save(folder, {})
    return folder


@pytest.mark.parametrize(
    ("name", "published"),  # numbers in the hub's model.safetensors
    [
        ("tiny", 37_760_640),
        ("base", 72_593_920),
        ("small", 241_734_912),
        ("medium", 763_857_920),
        ("large-v3", 1_543_490_560),
        ("large-v3-turbo", 808_878_080),
    ],
)
def test_each_shape_has_as_many_weights_as_the_published_model(name: str, published: int) -> None:
    assert n_parameters(SHAPES[name]) == published


def test_the_distilled_shape_is_of_the_size_that_its_paper_names() -> None:
    assert round(n_parameters(SHAPES["distil-large-v3"]) / 1e6) == 756  # arXiv:2311.00430


def test_a_folder_of_this_shape_loads_and_takes_the_memory_that_was_said(folder: Path) -> None:
    shape, said = LARGE[folder.name], parameters_of(str(folder))
    for dtype in (torch.float32, torch.bfloat16):
        backbone = Backbone.load(folder, "cpu", dtype)
        tensors = {t.data_ptr(): t for t in backbone.model.state_dict().values()}  # tied ones once
        assert sum(t.numel() * t.itemsize for t in tensors.values()) == said * dtype.itemsize
    assert memory_cost(said, device="cpu").n_bytes == 4 * said
    assert (backbone.n_encoder_layers, backbone.n_decoder_layers) == (32, shape.decoder_layers)
    assert backbone.extractor.feature_size == 128 and backbone.n_tokens == len(backbone.tokenizer) == 51_866
    assert len(backbone.languages) == 100 and backbone.prompt("yue")[1] == 50_358  # the language new in large-v3
    is_tied = backbone.model.proj_out.weight is backbone.model.model.decoder.embed_tokens.weight
    assert is_tied == (folder.name != "untied")


def test_both_rows_are_what_transformers_alone_writes(folder: Path, make_hypernet, speech_like) -> None:
    asr = with_hypernet(Backbone.load(folder, "cpu"), make_hypernet)
    comparison = asr.compare(speech_like(2.0), "turn on the light")
    backbone = asr.backbone
    states = backbone.encode(backbone.log_mel([comparison.waveform], backbone.window_samples(32_000)))[-1]
    base, adapted = comparison.base.transcript.tokens, comparison.adapted.transcript.tokens
    assert list(base) == written_by_transformers(backbone, backbone.model, states)
    assert list(adapted) == written_by_transformers(backbone, merged(backbone, comparison.lora), states)
    assert base != adapted and comparison.base.errors.wer > 0
    assert len(comparison.layers) == backbone.n_decoder_layers


def test_half_precision_compares_and_learns(folder: Path, make_hypernet, speech_like, spoken: Path, tmp_path) -> None:
    asr = with_hypernet(Backbone.load(folder, "cpu", torch.bfloat16), make_hypernet)
    comparison = asr.compare(speech_like(2.0))
    assert len(comparison.base.transcript.tokens) == N_WRITTEN
    assert np.isfinite(comparison.base.transcript.log_probs).all()
    assert all(np.isfinite(layer.relative_frobenius) and layer.relative_frobenius > 0 for layer in comparison.layers)

    backbone = asr.backbone
    before = copy.deepcopy(backbone.model.state_dict())
    settings = AdaptationTraining(updates=4, batch_size=2, warm_up=1, validation_share=0.2)
    adaptation = HypernetAdaptation(backbone, config_for(backbone, n_mixes=2, d_hidden=16, dropout=0.0), "en", 0)
    store = LiveStates(backbone, read_manifest(spoken)[:5])
    trainer = AdaptationTrainer(store, adaptation, tmp_path / "run", settings)
    adaptation.standardise(store, trainer.training)
    trainer.train()
    losses = [entry["typical_adapted"] for entry in trainer.log.read() if "typical_adapted" in entry]
    assert len(losses) == 2 and losses[1] < losses[0]
    for name, tensor in backbone.model.state_dict().items():
        assert tensor.dtype == torch.bfloat16 and torch.equal(tensor, before[name])


def with_hypernet(backbone: Backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone, rank=2, alpha=3.0), "hypernet-random")


def merged(backbone: Backbone, lora: LoraWeights) -> torch.nn.Module:
    """A copy of the model with the update in its weights."""
    model = copy.deepcopy(backbone.model)
    for i, site in enumerate(lora.sites):
        model.get_submodule(site.name).weight.data += lora.delta(0, i)
    return model


@torch.no_grad()
def written_by_transformers(
    backbone: Backbone, model: torch.nn.Module, states: Tensor, language: str = "en"
) -> list[int]:
    """The likeliest tokens, all positions anew for each, by the library's own forward pass."""
    tokens = list(backbone.prompt(language))
    n_prompt = len(tokens)
    never = torch.tensor(backbone.suppressed)
    while True:
        logits = model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([tokens])).logits[0, -1]
        logits[never] = -torch.inf
        if len(tokens) == n_prompt:
            logits[list(backbone.begin_suppressed)] = -torch.inf
        if (best := int(logits.argmax())) == backbone.end_token:
            return tokens[n_prompt:]
        tokens.append(best)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux's /proc")
def test_telling_a_large_base_apart_takes_no_second_copy_of_it() -> None:
    model = torch.nn.ModuleList(torch.nn.Linear(2048, 2048, bias=False) for _ in range(10))  # 168 MB
    before = resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    body_fingerprint(model)
    assert resident_bytes("VmHWM") - before < 60e6  # one in half precision, and its bytes; a copy takes 84e6


def resident_bytes(name: str) -> int:
    """What the kernel says of this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
