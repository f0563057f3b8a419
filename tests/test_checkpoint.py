"""A hypernetwork's folder: what is saved is loaded, and anything else is refused by name."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import CheckpointError, find_hypernet, load_hypernet, save_hypernet
from hyper.model.fingerprint import body_fingerprint


@pytest.fixture
def folder(backbone, make_hypernet, tmp_path):
    save_hypernet(make_hypernet(backbone, rank=2), tmp_path / "hypernet")
    return tmp_path / "hypernet"


def change_weights(folder, change) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def test_what_is_saved_is_loaded(folder, backbone, make_hypernet):
    saved, loaded = make_hypernet(backbone, rank=2), load_hypernet(folder, backbone)
    statistics = torch.randn(3, 3, 3, 32)
    for before, after in zip(saved(statistics).b, loaded(statistics).b, strict=True):
        assert torch.equal(before, after) and before.abs().max() > 0
    assert loaded.config == saved.config
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    assert loaded.n_parameters == saved.n_parameters > 0


def test_the_standardisation_is_part_of_it(backbone, make_hypernet, tmp_path):
    hypernet = make_hypernet(backbone)
    hypernet.utterance_encoder.fit_standardisation(5 + torch.randn(20, 3, 3, 32))
    save_hypernet(hypernet, tmp_path)
    assert torch.equal(load_hypernet(tmp_path, backbone).utterance_encoder.mean, hypernet.utterance_encoder.mean)


def test_another_base_is_refused(folder, hub_backbone, backbone):
    with pytest.raises(CheckpointError) as caught:
        load_hypernet(folder, hub_backbone)
    message = str(caught.value)
    assert f"was trained for whisper-random (weights {backbone.body_fingerprint})" in message
    assert f"but the base is whisper-tiny (weights {hub_backbone.body_fingerprint})" in message


def test_another_token_embedding_fits_and_another_body_does_not(hub_folder, hub_backbone, make_hypernet, tmp_path):
    """openai/whisper-tiny's own shape; the other embedding in float16, as the weights were published."""
    save_hypernet(make_hypernet(hub_backbone), tmp_path / "hypernet")
    shutil.copytree(hub_folder, tmp_path / "whisper")
    model = WhisperForConditionalGeneration.from_pretrained(hub_folder)
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight.normal_()
    model.half().save_pretrained(tmp_path / "whisper")
    other = Backbone.load(tmp_path / "whisper", device="cpu")
    assert other.fingerprint != hub_backbone.fingerprint
    assert find_hypernet(other.body_fingerprint, [tmp_path / "hypernet"]) == tmp_path / "hypernet"
    load_hypernet(tmp_path / "hypernet", other)
    for name in ("encoder.conv1.bias", "encoder.layers.1.fc1.weight", "decoder.embed_positions.weight"):
        with torch.no_grad():
            model.model.get_parameter(name).view(-1)[7] += 0.01
        assert find_hypernet(body_fingerprint(model), [tmp_path / "hypernet"]) is None
        with torch.no_grad():
            model.model.get_parameter(name).copy_(hub_backbone.model.model.get_parameter(name))
        assert body_fingerprint(model) == hub_backbone.body_fingerprint


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, backbone, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"is not a hypernetwork: it has no {name}"):
        load_hypernet(folder, backbone)


def test_a_folder_in_the_home_may_be_named_with_a_tilde(folder, backbone, whisper_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    named = f"~/{folder.name}"
    assert load_hypernet(named, backbone).config.base_fingerprint == backbone.body_fingerprint
    asr = PersonalizedAsr.load(whisper_folder, named, "cpu")
    assert (asr.hypernetwork, asr.hypernet_folder) == (folder.name, folder)


def test_a_missing_tensor_is_named(folder, backbone):
    change_weights(folder, lambda weights: weights.pop("b_learned.1"))
    with pytest.raises(CheckpointError, match="lack 'b_learned.1', which its settings ask for"):
        load_hypernet(folder, backbone)


def test_an_unknown_tensor_is_named(folder, backbone):
    change_weights(folder, lambda weights: weights.update(extra=torch.ones(2)))
    with pytest.raises(CheckpointError, match="have 'extra', which its settings do not ask for"):
        load_hypernet(folder, backbone)


def test_a_tensor_of_another_shape_is_named(folder, backbone):
    change_weights(folder, lambda weights: weights.update({"b_learned.0": torch.ones(128, 5)}))
    with pytest.raises(
        CheckpointError, match=r"do not fit its settings: \w+.\S* is \(.*\), but its settings ask for \("
    ):
        load_hypernet(folder, backbone)


@pytest.mark.parametrize("content", ["{", '{"rank": 1}'])
def test_unreadable_settings(folder, backbone, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_hypernet(folder, backbone)


def test_damaged_weights(folder, backbone):
    (folder / "model.safetensors").write_bytes(b"\x10" * 50)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_hypernet(folder, backbone)


def test_the_hypernetwork_of_a_base_is_found_among_other_models(folder, backbone, whisper_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    other = tmp_path / "other"
    other.mkdir()
    settings = json.loads((folder / "config.json").read_text()) | {"base_fingerprint": "f" * 16}
    (other / "config.json").write_text(json.dumps(settings))
    folders = [tmp_path / "empty", whisper_folder, other, folder]
    assert find_hypernet(backbone.body_fingerprint, folders) == folder
    assert find_hypernet("a" * 16, folders) is None
