"""A damaged model is refused in one sentence: it never writes wrong words."""

from __future__ import annotations

import json
import shutil
import time

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hyper.model import delivered
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import CheckpointError, find_hypernet, load_hypernet, save_hypernet
from hyper.model.files import ASSETS, BUNDLED_FOLDER, BackboneError, tensors_to


@pytest.fixture
def folder(whisper_folder, tmp_path):
    """A whole Whisper that a test may damage."""
    return shutil.copytree(whisper_folder, tmp_path / "whisper")


def change_settings(file, **changes) -> None:
    settings = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in settings.items() if value != "GONE"}))


def change_weights(file, change) -> None:
    weights = load_file(file)
    change(weights)
    save_file(weights, file, {"format": "pt"})


FC1 = "model.decoder.layers.0.fc1.weight"

DAMAGES = {
    "a tensor is missing": (
        lambda folder: change_weights(folder / "model.safetensors", lambda weights: weights.pop(FC1)),
        f"it lacks the tensor {FC1}, which config.json asks for",
    ),
    "a tensor is named otherwise": (
        lambda folder: change_weights(folder / "model.safetensors", lambda w: w.update({"fc": w.pop(FC1)})),
        f"it lacks the tensor {FC1}",
    ),
    "a tensor too many": (
        lambda folder: change_weights(folder / "model.safetensors", lambda w: w.update(extra=torch.ones(2))),
        "it has the tensor extra, which config.json does not ask for",
    ),
    "a tensor of another shape": (
        lambda folder: change_weights(folder / "model.safetensors", lambda w: w.update({FC1: torch.ones(5, 32)})),
        f"it has the tensor {FC1} in another shape than config.json asks for",
    ),
    "fewer layers than were trained": (
        lambda folder: change_settings(folder / "config.json", decoder_layers=1),
        "it has the tensor model.decoder.layers.1.* and .* more, which config.json does not ask for",
    ),
    "more layers than were trained": (
        lambda folder: change_settings(folder / "config.json", encoder_layers=3),
        "it lacks the tensor model.encoder.layers.2.* and .* more",
    ),
    "other mel bands": (
        lambda folder: change_settings(folder / "preprocessor_config.json", feature_size=128),
        "makes 128 mel bands in 200 frames, but config.json wants 80 in 200",
    ),
    "a token that does not exist": (
        lambda folder: change_settings(folder / "generation_config.json", suppress_tokens=[99_999]),
        "names the token 99999, but there are",
    ),
    "no start token": (
        lambda folder: change_settings(folder / "generation_config.json", decoder_start_token_id="GONE"),
        "names the token None, but there are",
    ),
    "a tokenizer of another model": (
        lambda folder: change_settings(folder / "config.json", eos_token_id=10**6),
        "its tokenizer has .* tokens, but config.json wants",
    ),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "it has no tokenizer.json"),
    "a tokenizer cut off": (
        lambda folder: (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text()[:500]),
        "cannot be loaded",
    ),
    "generation settings cut off": (
        lambda folder: (folder / "generation_config.json").write_text('{"suppress'),
        "The generation_config.json in .* is not valid JSON",
    ),
    "settings that are a list": (
        lambda folder: (folder / "preprocessor_config.json").write_text("[]"),
        "The preprocessor_config.json in .* holds no settings",
    ),
    "settings that are no text": (
        lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\x00"),
        "The config.json in .* is not valid JSON",
    ),
    "another sampling rate": (
        lambda folder: change_settings(folder / "preprocessor_config.json", sampling_rate=8_000),
        "cannot be loaded .*sampling rate of 8000",
    ),
    "an unknown language": (
        lambda folder: change_settings(folder / "tokenizer_config.json", language="x"),
        r"cannot be loaded \(Unsupported language: x.{,200}\); please copy the folder again",
    ),
    "an adapter beside it": (
        lambda folder: (folder / "adapter_config.json").write_text("{}"),
        "holds a Whisper and an adapter",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_whisper_is_one_sentence(damage, folder, capfd):
    spoil, message = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(BackboneError, match=message) as caught:
        Backbone.load(folder, device="cpu")
    assert len(str(caught.value).splitlines()) == 1
    assert capfd.readouterr().err == ""  # no table of tensors beside the sentence


@pytest.mark.parametrize("name", ["pytorch_model.bin", "../other/model.safetensors", "/etc/passwd", ".safetensors", ""])
def test_an_index_names_safetensors_of_its_own_folder_or_nothing(name, folder):
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    parts = {name: "model-1.safetensors" for name in load_file(folder / "model-1.safetensors")}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": parts}))
    assert Backbone.load(folder, device="cpu").d_model == 32
    index.write_text(json.dumps({"metadata": {}, "weight_map": parts | {FC1: name}}))
    with pytest.raises(BackboneError, match="but only safetensors files in the folder itself are read"):
        Backbone.load(folder, device="cpu")
    index.write_text(json.dumps({"metadata": {}, "weight_map": parts | {FC1: "model-2.safetensors"}}))
    with pytest.raises(BackboneError, match=r"lacks model-2.safetensors, a part of its weights"):
        Backbone.load(folder, device="cpu")


# The files that come with the project.


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A copy of the bundled models, in place of theirs."""
    for model in ASSETS.glob("*/model.safetensors"):
        shutil.copytree(model.parent, tmp_path / model.parent.name)
    shutil.copy(ASSETS / delivered.SUMS_FILE, tmp_path)
    monkeypatch.setattr(delivered, "ASSETS", tmp_path)
    return tmp_path


def flip_a_bit(file) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_the_hashes_are_those_of_the_files(assets):
    before = (assets / delivered.SUMS_FILE).read_text()
    (assets / delivered.SUMS_FILE).unlink()
    for model in assets.glob("*/model.safetensors"):
        delivered.seal(model.parent)
    assert (assets / delivered.SUMS_FILE).read_text() == before


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "generation_config.json"])
def test_one_bit_in_the_bundled_base_is_noticed(name, assets):
    Backbone.load(assets / "whisper-mini", device="cpu")
    flip_a_bit(assets / "whisper-mini" / name)
    with pytest.raises(BackboneError, match=f"{name} is damaged: it is not the file that came with HyperWhisper"):
        Backbone.load(assets / "whisper-mini", device="cpu")


@pytest.mark.parametrize("name", ["model.safetensors", "calibration.json", "voice_map.safetensors"])
def test_one_bit_in_the_bundled_hypernetwork_is_noticed(name, assets):
    backbone = Backbone.load(assets / "whisper-mini", device="cpu")
    load_hypernet(assets / "hypernet-mini", backbone)
    flip_a_bit(assets / "hypernet-mini" / name)
    with pytest.raises(CheckpointError, match=f"{name} is damaged.*a model of your own belongs in another folder"):
        load_hypernet(assets / "hypernet-mini", backbone)
    (assets / "hypernet-mini" / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is damaged"):
        load_hypernet(assets / "hypernet-mini", backbone)


def test_what_a_command_writes_into_assets_is_sealed_and_nothing_else(assets, backbone, make_hypernet, tmp_path):
    flip_a_bit(assets / "whisper-mini" / "model.safetensors")
    hypernet = make_hypernet(backbone)
    save_hypernet(hypernet, assets / "hypernet-new")
    save_hypernet(hypernet, tmp_path / "elsewhere" / "hypernet-new")
    load_hypernet(assets / "hypernet-new", backbone)
    flip_a_bit(assets / "hypernet-new" / "model.safetensors")
    for damaged in ("hypernet-new", "whisper-mini"):  # sealing the one did not bless the other
        with pytest.raises(BackboneError, match="is damaged"):
            delivered.check_delivered(assets / damaged, BackboneError)
    delivered.check_delivered(tmp_path / "elsewhere" / "hypernet-new", BackboneError)  # not ours to judge


def test_checking_the_bundled_pair_takes_no_time():
    start = time.perf_counter()
    for folder in (BUNDLED_FOLDER, ASSETS / "hypernet-mini"):
        delivered.check_delivered(folder, BackboneError)
    assert time.perf_counter() - start < 0.1


# Settings of a hypernetwork.


@pytest.mark.parametrize("content", [b'{"rank', b"[1]", b"\xff\xfe", b"null"])
def test_broken_settings_in_assets_are_a_sentence(content, tmp_path, backbone):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="The config.json in .*net (is not valid JSON|holds no settings)"):
        find_hypernet(backbone.fingerprint, [tmp_path / "net"])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"alpha": "much"}, "`alpha` is 'much', but it must be a number"),
        ({"dropout": None}, "`dropout` is None, but it must be a number"),
        ({"base_model": 3}, "`base_model` is 3, but it must be a text"),
        ({"targets": "decoder.fc1"}, "`targets` in it a list"),
        ({"targets": ["decoder.fc9"]}, "There is no layer type 'decoder.fc9' to adapt"),
        ({"targets": [["x"]]}, "There is no layer type"),
    ],
)
def test_wrong_settings_of_a_hypernetwork_are_named(changes, message, backbone, make_hypernet, tmp_path):
    save_hypernet(make_hypernet(backbone), tmp_path)
    change_settings(tmp_path / "config.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        load_hypernet(tmp_path, backbone)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_hidden": 2**70}, "The settings in .* ask for more numbers than a tensor can hold"),
        ({"d_hidden": 10**9}, "do not fit its settings: .* is .*, but its settings ask for .*1000000000"),
        ({"rank": True}, "`rank` is True, but it must be a whole number of at least 1"),
    ],
)
def test_sizes_that_nothing_has_are_refused_before_memory_is_taken(changes, message, backbone, make_hypernet, tmp_path):
    save_hypernet(make_hypernet(backbone), tmp_path)
    change_settings(tmp_path / "config.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        load_hypernet(tmp_path, backbone)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
def test_weights_that_are_no_numbers_are_refused(value, folder, backbone, make_hypernet, tmp_path):
    save_hypernet(make_hypernet(backbone), tmp_path / "net")
    change_weights(tmp_path / "net" / "model.safetensors", lambda w: w["a_learned.0"].view(-1)[3:4].fill_(value))
    with pytest.raises(
        CheckpointError, match="damaged: a_learned.0 has a number that no weight has; please copy the folder again"
    ):
        load_hypernet(tmp_path / "net", backbone)
    change_weights(folder / "model.safetensors", lambda weights: weights[FC1].view(-1)[3:4].fill_(value))
    with pytest.raises(BackboneError, match=f"is damaged: its tensor {FC1} has a number that no weight has"):
        Backbone.load(folder, device="cpu")


def test_what_safetensors_says_of_the_disk_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(OSError) as caught, tensors_to(tmp_path / "a"):
        raise SafetensorError("Error while serializing: I/O error: Permission denied (os error 13)")
    assert (caught.value.errno, caught.value.filename) == (13, str(tmp_path / "a"))
    with pytest.raises(SafetensorError, match="a header"), tensors_to(tmp_path / "a"):
        raise SafetensorError("a header that is none")
