"""What is said of a model before it is loaded, against the loaded model; and who may load what."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from test_ui_said import asked_in

from hyper.commands.arguments import load_asr
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model import info
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import save_hypernet
from hyper.model.files import ASSETS, BackboneError
from hyper.model.info import (
    MeasuredSet,
    base_info,
    card_section,
    check_room,
    cost_of,
    gigabytes,
    hypernet_info,
    hypernets_in,
    measured_sets,
    memory_cost,
    n_parameters,
    parameters_of,
)
from hyper.recordings.manifest import ManifestRow
from hyper.training.model_card import training_data_lines
from hyper.ui.model_store import ModelStore
from hyper.ui.port import is_public
from hyper.ui.server import load_by_name
from hyper.ui.tabs import models_html


@pytest.fixture(scope="module")
def hypernet_folder(backbone, make_hypernet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets") / "hypernet-random"
    save_hypernet(make_hypernet(backbone), folder)
    return folder


def test_parameters_are_those_of_the_loaded_model(whisper_folder, backbone):
    info = base_info(whisper_folder)
    assert info.parameters == backbone.n_parameters == parameters_of(str(whisper_folder))
    assert (info.encoder_layers, info.decoder_layers, info.d_model) == (2, 2, 32)
    assert info.window_seconds == backbone.window_seconds
    assert info.n_languages == 1


def test_a_model_in_the_hubs_format(hub_folder, hub_backbone):
    info = base_info(hub_folder)
    assert info.parameters == hub_backbone.n_parameters == pytest.approx(37.8e6, rel=0.01)
    assert info.n_languages == 99 and info.window_seconds == 30


def test_parameters_of_a_hypernetwork(hypernet_folder, backbone, make_hypernet):
    info = hypernet_info(hypernet_folder)
    # Buffers of the standardisation are stored beside the parameters: mean and standard deviation of each statistic.
    assert info.parameters == make_hypernet(backbone).n_parameters + 2 * 3 * 3 * 32
    assert (info.base_fingerprint, info.writes) == (backbone.body_fingerprint, "LoRA of rank 1 for decoder.fc1")


def test_weights_in_parts_are_added_up(tmp_path):
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(())}, tmp_path / "model-1.safetensors")
    save_file({"c": torch.zeros(5, dtype=torch.float16)}, tmp_path / "model-2.safetensors", {"format": "pt"})
    parts = {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    files = info.weights_files(tmp_path)
    assert [n_parameters(file) for file in files] == [13, 5]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 not one", (1 << 60).to_bytes(8, "little"), b"\x02" + bytes(7) + b"[]"]
)
def test_what_is_no_safetensors_file_is_said(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(BackboneError, match="is not a safetensors file; please copy the folder again"):
        n_parameters(tmp_path / "model.safetensors")


def test_memory_is_parameters_times_bytes(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    cost = memory_cost(200, 50, "cpu")
    assert (cost.parameters, cost.n_bytes, cost.free_bytes, cost.dtype, cost.fits) == (250, 1000, 1000, "float32", True)
    assert not memory_cost(201, 50, "cpu").fits
    monkeypatch.setattr("hyper.model.info.choose_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr("hyper.model.info.choose_dtype", lambda _: torch.bfloat16)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (5000, 9000))
    on_card = memory_cost(200, 50)
    assert (on_card.n_bytes, on_card.free_bytes, on_card.dtype) == (200 * 2 + 50 * 4, 5000, "bfloat16")


def test_what_does_not_fit_is_not_loaded(monkeypatch, whisper_folder):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10_000))
    with pytest.raises(BackboneError, match=r"takes \d+ MB of memory, but only 0 MB are free; please choose a smaller"):
        load_by_name(str(whisper_folder))
    with pytest.raises(BackboneError, match="takes .* of memory"):  # commands refuse alike
        load_asr(argparse.Namespace(base=str(whisper_folder), hypernet=None, device="cpu", bits=None))
    monkeypatch.setattr("hyper.model.files._ask_hub", lambda _: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(whisper_folder))
    with pytest.raises(BackboneError, match="^someone/whisper-x takes .* of memory"):  # seen when it was downloaded
        load_by_name("someone/whisper-x")
    monkeypatch.undo()
    check_room(str(whisper_folder))


def test_the_hub_is_asked_for_the_size_of_what_is_not_here(monkeypatch):
    info = SimpleNamespace(safetensors=SimpleNamespace(total=1234))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: info)
    assert cost_of("someone/whisper-x").n_bytes == 4 * 1234
    info.safetensors = None
    assert cost_of("someone/whisper-x") is None
    assert "does not say how large" in models_html.cost_html("someone/whisper-x", None, is_here=False)


def test_a_hub_that_never_answers_is_given_up(monkeypatch):
    import threading

    monkeypatch.setattr("hyper.model.files.HUB_SECONDS", 0.1)
    never = threading.Event()
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: never.wait(5))
    with pytest.raises(BackboneError, match="is not on this machine and the Hugging Face hub cannot be reached"):
        parameters_of("someone/whisper-x")
    never.set()


@pytest.mark.parametrize(
    "name", ["not a name", "a/b--c", "a/b..c", "a/b.git", "-a/b", "a/b-", "a/b/c", "a/" + 97 * "b"]
)
def test_what_can_be_no_model_is_said(name):
    for look in (parameters_of, Backbone.load):
        with pytest.raises(BackboneError, match=f"There is no folder {re.escape(name)}; give a Whisper's folder"):
            look(name)


@pytest.mark.parametrize(("n_bytes", "text"), [(17_900_000, "18 MB"), (999e6, "999 MB"), (1.55e9, "1.6 GB")])
def test_bytes_for_people(n_bytes, text):
    assert gigabytes(n_bytes) == text


def test_a_section_of_a_card(tmp_path):
    assert card_section(tmp_path, "Trained on") == ()
    (tmp_path / "README.md").write_text(
        "# m\n- no\n\n## Trained on\n\n- synthetic: 3\n- people: 4\n\nwords\n\n## Limits\n\n- x\n"
    )
    assert card_section(tmp_path, "Trained on") == ("synthetic: 3", "people: 4")
    assert card_section(tmp_path, "Measured") == ()


def test_a_scorecard_counts_only_for_the_weights_that_it_is_of(tmp_path):
    group = {"by": "all", "n_utterances": 7, "base_wer": 0.5, "adapted_wer": None}
    record = {
        "base_fingerprint": "abc",
        "hypernetwork_fingerprint": "def",
        "sets": {"one": {"title": "typical", "groups": [group]}, "two": {"title": "silence", "groups": []}},
    }
    file = tmp_path / "scorecard.json"
    assert measured_sets(file, "abc", "def") == ()
    file.write_text(json.dumps(record))
    assert measured_sets(file, "abc", "def") == (MeasuredSet("typical", 7, 0.5, None),)
    assert measured_sets(file, "abd", "def") == () == measured_sets(file, "abc", "dee")


def test_hypernetworks_are_found_and_bases_are_not_taken_for_them(hypernet_folder, whisper_folder, tmp_path):
    shutil.copytree(hypernet_folder, tmp_path / "net")
    shutil.copytree(whisper_folder, tmp_path / "base")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    assert [info.name for info in hypernets_in(tmp_path)] == ["net"]


@pytest.mark.parametrize(
    ("host", "space", "public"),
    [
        ("127.0.0.1", "", False),
        ("localhost", "", False),
        ("::1", "", False),
        ("0.0.0.0", "", True),
        ("192.168.1.5", "", True),
        ("", "", True),
        ("example.org", "", True),
        ("127.0.0.1", "someone/space", True),
    ],
)
def test_who_else_can_open_the_page(monkeypatch, host, space, public):
    monkeypatch.setenv("SPACE_ID", space)
    assert is_public(host) is public


@pytest.fixture
def asr(backbone, make_hypernet):
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


def test_a_public_page_opens_nothing_that_it_does_not_offer(asr, whisper_folder):
    models = ModelStore(asr, "bundled", load_by_name)
    with pytest.raises(BackboneError, match="This page loads only the models that it offers"):
        models.open(str(whisper_folder))
    assert str(whisper_folder) not in dict((name, label) for label, name in models.choices())


def test_a_folder_that_a_visitor_names_is_loaded_and_then_offered(asr, whisper_folder, hypernet_folder, tmp_path):
    models = ModelStore(asr, "bundled", load_by_name, takes_any=True)
    alone = models.open(str(whisper_folder))
    assert models.get(alone).hypernet is None and not models.is_multilingual(alone)
    both = models.open(str(whisper_folder), str(hypernet_folder))
    assert models.get(both).hypernetwork == "hypernet-random"
    assert models.base_of(both) == str(whisper_folder)
    assert {alone, both} <= {name for _, name in models.choices()}
    assert not models.is_loaded(alone) and models.is_loaded(both)  # one beside the first
    with pytest.raises(BackboneError, match="is not a Whisper in Hugging Face's format"):
        models.open(str(tmp_path))
    assert str(tmp_path) not in {name for _, name in models.choices()}
    assert models.open("bundled") == "bundled"


def test_cards_say_what_is_loaded_and_what_it_costs(asr, whisper_folder, hypernet_folder):
    models = ModelStore(asr, "bundled", load_by_name, takes_any=True)
    models.open(str(whisper_folder), str(hypernet_folder))
    page = models_html.models_html(models)
    own = page.split(f'data-model="{whisper_folder} + {hypernet_folder}"')[1].split("</article>")[0]
    assert 'class="hw-role">loaded<' in own and f"{asr.backbone.n_parameters:,} parameters" in own
    assert "hypernet-random" in own and models_html.NOT_MEASURED in own
    tiny = page.split('data-model="openai/whisper-tiny"')[1].split("</article>")[0]
    assert "memory 152 MB (float32)" in tiny and "downloaded once" in tiny


@pytest.mark.parametrize(
    ("name", "hypernetwork"),
    [
        ("openai/whisper-tiny.en", "hypernet-tiny.en"),  # before it is downloaded, too
        ("bundled + hypernet-mini-paper", "hypernet-mini-paper"),
        ("bundled", "random"),  # of the loaded one what it has
        ("openai/whisper-tiny", models_html.NO_HYPERNET),
    ],
)
def test_each_card_names_the_hypernetwork_that_adapts_its_model(asr, name, hypernetwork):
    forms = [ASSETS / "hypernet-mini-paper"]
    models = ModelStore(asr, "bundled", load_by_name, adapting=["openai/whisper-tiny.en"], forms=forms)
    card = models_html.models_html(models).split(f'data-model="{name}"')[1].split("</article>")[0]
    assert f"<dt>Hypernetwork</dt><dd>{hypernetwork}</dd>" in card


def test_the_cards_of_one_base_are_called_as_in_the_list_of_models(asr):
    models = ModelStore(asr, "bundled", load_by_name, forms=[ASSETS / "hypernet-mini-paper"])
    titles = re.findall(r"<h3>(.*?)</h3>", models_html.models_html(models))
    assert titles[:2] == ["Bundled pair · commands and short phrases", "Bundled pair · as in the paper"]
    assert len(set(titles)) == len(titles) and "openai/whisper-tiny" in titles


def test_what_a_model_was_trained_on_is_said_in_the_visitors_language():
    simulated = "mini_librispeech, simulated parkinsons: 1772 recordings of 31 speakers"
    for line in (simulated, simulated.replace("1772", "1,772")):  # as older cards have it, and as it is written today
        assert models_html.said_training(line) == (
            "mini_librispeech, simulated Parkinson's: 1,772 recordings, 31 speakers"
        )
    with asked_in("de"):
        assert models_html.said_training(simulated) == (
            "mini_librispeech, simulierter Parkinson: 1.772 Aufnahmen, 31 Personen"
        )
        own = "synthetic, typical: 1 recording of 1 speaker"
        assert models_html.said_training(own) == "synthetische Sprache, gewöhnliches Sprechen: 1 Aufnahme, 1 Person"
        assert models_html.said_training("680,000 hours of the web") == "680,000 hours of the web"


def test_every_line_of_the_delivered_cards_is_one_that_is_said():
    rows = [ManifestRow("a.wav", Path("a.wav"), speaker="1", corpus="own", cohort="stuttering", simulated=True)]
    lines = [line.removeprefix("- ") for line in training_data_lines(rows)]
    lines += [line for card in sorted(ASSETS.glob("*/README.md")) for line in card_section(card.parent, "Trained on")]
    assert len(lines) > 1 and [line for line in lines if not models_html.TRAINING_LINE.fullmatch(line)] == []


def test_what_a_visitor_names_stays_text(whisper_folder):
    cost = memory_cost(10, device="cpu")
    assert "<img" not in models_html.cost_html("<img src=x>", cost, is_here=True)
    too_much = models_html.cost_html("m", memory_cost(10**15, device="cpu"), is_here=True)
    assert "hw-flag" in too_much and "It does not fit" in too_much
