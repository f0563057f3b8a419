"""An adaptation taken away: PEFT and transformers, without this project's decode, write the adapted transcript."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_cli import one_line_failure
from test_decoding import generated, random_lora

from hyper.__main__ import main
from hyper.compare import export
from hyper.compare.comparison import Comparison
from hyper.compare.export import ExportError, export_adapter, export_merged, write_zip
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.checkpoint import save_hypernet
from hyper.model.decoding import token_limit
from hyper.model.files import BUNDLED_FOLDER
from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.manifest import read_manifest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "manifest.csv"
MANY_TARGETS = ("encoder.fc1", "decoder.fc2", "decoder.q_proj", "decoder.cross_k_proj")


@pytest.fixture
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


def with_peft(base_folder: Path, adapter: Path):
    """The base and the adapter as PEFT loads them."""
    peft = pytest.importorskip("peft")
    from transformers import WhisperForConditionalGeneration

    base = WhisperForConditionalGeneration.from_pretrained(base_folder)
    return peft.PeftModel.from_pretrained(base, adapter).eval()


def snippet(folder: Path) -> str:
    """The code on the card."""
    return re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.S)[1]


def run_snippet(folder: Path, waveform, capsys) -> str:
    """What the card's code prints, run as it stands."""
    code = snippet(folder)
    assert len(code.splitlines()) <= 6
    capsys.readouterr()
    exec(compile(code, folder / "README.md", "exec"), {"waveform": waveform})
    return capsys.readouterr().out.strip()


def changed(asr: PersonalizedAsr, waveforms) -> Comparison:
    """The first recording of which both rows came to their end by themselves, with different texts."""
    for waveform in waveforms:
        comparison = asr.compare(waveform)
        ends = {comparison.base.transcript.stopped, comparison.adapted.transcript.stopped}
        if ends == {"end"} and comparison.base.text != comparison.adapted.text:
            return comparison
    raise AssertionError("no recording is transcribed to its end, and differently")


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_peft_writes_the_adapted_transcript_token_for_token(asr, whisper_folder, speech_like, tmp_path, strength):
    backbone = asr.backbone
    for seed in range(3):
        waveform = speech_like(2.0 + seed / 2, seed)
        comparison = asr.compare(waveform, strength=strength)
        export_adapter(backbone, comparison, tmp_path / str(seed))
        log_mel, limit = backbone.log_mel([waveform]), token_limit(comparison.seconds, backbone)
        tokens = generated(with_peft(whisper_folder, tmp_path / str(seed)), log_mel, backbone, limit)
        assert comparison.adapted.transcript.tokens == tokens[: len(comparison.adapted.transcript.tokens)]
        assert comparison.base.transcript.tokens != comparison.adapted.transcript.tokens


def test_each_kind_of_layer_keeps_its_own_update(asr, backbone, whisper_folder, speech_like, tmp_path):
    """Random weights of rank 2 in encoder and decoder, against the same weights added to the layers."""
    comparison = replace(asr.compare(speech_like(2.0)), lora=random_lora(backbone, 1, MANY_TARGETS))
    export_adapter(backbone, comparison, tmp_path / "adapter")
    export_merged(backbone, comparison, tmp_path / "merged")
    peft_model = with_peft(whisper_folder, tmp_path / "adapter").merge_and_unload()
    merged = PersonalizedAsr.load(tmp_path / "merged", device="cpu").backbone.model
    before = backbone.model.state_dict()
    sites = {f"{site.name}.weight": i for i, site in enumerate(comparison.lora.sites)}
    assert len(sites) == 2 * len(MANY_TARGETS)
    for name, weight in before.items():
        if name in sites:
            weight = weight + 0.7 * comparison.lora.b[sites[name]][0] @ comparison.lora.a[sites[name]][0]
            assert not torch.allclose(weight, before[name], atol=1e-2)
        torch.testing.assert_close(merged.state_dict()[name], weight, atol=1e-5, rtol=0)
        torch.testing.assert_close(peft_model.state_dict()[name], weight, atol=1e-5, rtol=0)


def test_the_merged_whisper_writes_the_adapted_transcript_as_its_base(asr, speech_like, tmp_path):
    for seed in range(3):
        waveform = speech_like(2.0 + seed / 2, seed)
        comparison = asr.compare(waveform, strength=0.5)
        export_merged(asr.backbone, comparison, tmp_path / str(seed))
        loaded = PersonalizedAsr.load(tmp_path / str(seed), device="cpu")
        again = loaded.compare(waveform)
        assert (again.base.transcript.tokens, again.base.text) == (
            comparison.adapted.transcript.tokens,
            comparison.adapted.text,
        )
        assert again.adapted is None and loaded.backbone.fingerprint != asr.backbone.fingerprint
    assert (
        asr.compare(waveform).base.transcript.tokens == comparison.base.transcript.tokens
    )  # the model in use is as it was


@pytest.mark.parametrize("write", [export_adapter, export_merged])
def test_the_code_on_the_card_works(asr, whisper_folder, speech_like, monkeypatch, tmp_path, capsys, write):
    if write is export_adapter:
        pytest.importorskip("peft")
    comparison = changed(asr, [speech_like(1.0 + seed / 20, seed) for seed in range(60)])
    (tmp_path / "whisper-random").symlink_to(whisper_folder)
    write(asr.backbone, comparison, tmp_path / "taken")
    monkeypatch.chdir(tmp_path)
    assert run_snippet(tmp_path / "taken", comparison.waveform, capsys) == comparison.adapted.text


@pytest.mark.parametrize("write", [export_adapter, export_merged])
def test_the_code_on_the_card_works_where_the_weights_have_half_precision(
    asr, whisper_folder, speech_like, monkeypatch, tmp_path, capsys, write
):
    if write is export_adapter:
        pytest.importorskip("peft")
    shutil.copytree(whisper_folder, tmp_path / "whisper-random")
    write(asr.backbone, asr.compare(speech_like(1.0)), tmp_path / "taken")
    for folder in ("whisper-random", "taken"):
        if (file := tmp_path / folder / "model.safetensors").is_file():
            save_file({name: weight.half() for name, weight in load_file(file).items()}, file, {"format": "pt"})
            config = json.loads((file.parent / "config.json").read_text())
            (file.parent / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    monkeypatch.chdir(tmp_path)
    assert run_snippet(tmp_path / "taken", speech_like(1.0), capsys)
    assert "Transformers hears a whole window" in (tmp_path / "taken" / "README.md").read_text(encoding="utf-8")


def test_the_bundled_pair_taken_away(monkeypatch, tmp_path, capsys):
    pytest.importorskip("peft")
    if not (BUNDLED_FOLDER / "model.safetensors").is_file() or not EXAMPLES.is_file():
        pytest.skip("the bundled models and examples are not here yet")
    asr = PersonalizedAsr.load(device="cpu")
    comparison = changed(asr, [load_audio(row.path) for row in read_manifest(EXAMPLES)])
    log_mel, limit = asr.backbone.log_mel([comparison.waveform]), token_limit(comparison.seconds, asr.backbone)
    monkeypatch.chdir(ROOT)
    adapter, merged = (Path(os.path.relpath(tmp_path / name)) for name in ("adapter", "merged"))
    export_adapter(asr.backbone, comparison, adapter)
    export_merged(asr.backbone, comparison, merged)
    tokens = generated(with_peft(BUNDLED_FOLDER, adapter), log_mel, asr.backbone, limit)
    assert tokens == comparison.adapted.transcript.tokens != comparison.base.transcript.tokens
    assert PersonalizedAsr.load(merged, device="cpu").compare(comparison.waveform).base.transcript.tokens == tokens
    # PEFT knows nothing of updates that many adapters share: the file holds each number of the sum.
    numbers, names = 4 * comparison.lora.n_parameters, 2 * 200 * len(comparison.lora.sites)
    assert numbers < (adapter / "adapter_model.safetensors").stat().st_size < numbers + names
    for folder in (adapter, merged):
        assert run_snippet(folder, comparison.waveform, capsys) == comparison.adapted.text


@pytest.mark.parametrize("write", [export_adapter, export_merged])
def test_a_zip_unpacks_to_a_folder_that_works_as_its_card_says(
    asr, whisper_folder, speech_like, monkeypatch, tmp_path, capsys, write
):
    if write is export_adapter:
        pytest.importorskip("peft")
    comparison = changed(asr, [speech_like(1.0 + seed / 20, seed) for seed in range(60)])
    write_zip(write, asr.backbone, comparison, tmp_path / "my-taken.zip")
    (tmp_path / "elsewhere").mkdir()
    with ZipFile(tmp_path / "my-taken.zip") as archive:
        archive.extractall(tmp_path / "elsewhere")
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["my-taken"]
    (tmp_path / "elsewhere" / "whisper-random").symlink_to(whisper_folder)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run_snippet(Path("my-taken"), comparison.waveform, capsys) == comparison.adapted.text
    if write is export_merged:
        merged = PersonalizedAsr.load(tmp_path / "elsewhere" / "my-taken", device="cpu")
        assert (
            merged.compare(comparison.waveform).base.transcript.tokens
            == comparison.adapted.transcript.tokens
            != comparison.base.transcript.tokens
        )


def test_an_adapter_folder_holds_three_files_and_says_what_it_fits(asr, backbone, speech_like, tmp_path):
    comparison = replace(asr.compare(speech_like(1.0)), lora=random_lora(backbone, 1))
    export_adapter(backbone, comparison, tmp_path / "adapter")
    assert sorted(file.name for file in (tmp_path / "adapter").iterdir()) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors"
    ]  # fmt: skip
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (config["peft_type"], config["base_model_name_or_path"], config["r"]) == ("LORA", "whisper-random", 2)
    assert config["lora_alpha"] / config["r"] == pytest.approx(comparison.lora.scaling)
    assert config["target_modules"] == [f"model.decoder.layers.{i}.fc1" for i in range(2)]
    shapes = {name: tuple(t.shape) for name, t in load_file(tmp_path / "adapter" / "adapter_model.safetensors").items()}
    assert shapes == {
        f"base_model.model.model.decoder.layers.{i}.fc1.{part}.weight": shape
        for i in range(2)
        for part, shape in (("lora_A", (2, 32)), ("lora_B", (128, 2)))
    }


@pytest.mark.parametrize("write", [export_adapter, export_merged])
def test_the_card_says_what_it_is_and_nothing_of_what_was_said(asr, backbone, speech_like, tmp_path, write):
    save_audio(tmp_path / "anna_meier.wav", speech_like(1.5))
    comparison = asr.compare(tmp_path / "anna_meier.wav", "call doctor brown", strength=0.5)
    write(backbone, comparison, tmp_path / "taken")
    card = (tmp_path / "taken" / "README.md").read_text(encoding="utf-8")
    for fact in ("`random`", "`whisper-random`", f"`{backbone.fingerprint}`", "1.5 s", "strength 0.5", "one recording"):
        assert fact in card
    assert "Not intended to be used for the diagnosis" in card
    for private in ("anna", "meier", "doctor", comparison.adapted.text, str(tmp_path)):
        assert private not in card


def test_a_multilingual_model_is_told_the_language(hub_backbone, make_hypernet, speech_like, tmp_path):
    asr = PersonalizedAsr(hub_backbone, make_hypernet(hub_backbone), "random")
    export_adapter(hub_backbone, asr.compare(speech_like(0.5), language="de"), tmp_path / "adapter")
    assert 'generate(input_features=features, language="de", task="transcribe")' in snippet(tmp_path / "adapter")


def test_a_hub_model_is_named_as_the_hub_names_it(asr, backbone, speech_like, tmp_path, monkeypatch):
    monkeypatch.setattr(backbone, "name", "openai/whisper-small")
    export_adapter(backbone, asr.compare(speech_like(0.5)), tmp_path / "adapter")
    assert 'from_pretrained("openai/whisper-small")' in snippet(tmp_path / "adapter")
    assert "comes from the Hugging Face hub" in (tmp_path / "adapter" / "README.md").read_text()


def test_peft_is_not_needed_to_write(asr, speech_like, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)  # importing it fails
    export_adapter(asr.backbone, asr.compare(speech_like(0.5)), tmp_path / "adapter")
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


# Folders.


@pytest.mark.parametrize("write", [export_adapter, export_merged])
def test_a_folder_that_holds_something_is_left_alone(asr, speech_like, tmp_path, write):
    comparison = asr.compare(speech_like(0.5))
    (tmp_path / "empty").mkdir()
    write(asr.backbone, comparison, tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    for taken in ("empty", "file"):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ExportError) as error:
            write(asr.backbone, comparison, tmp_path / taken)
        expected = f"There is something in {tmp_path / taken} already; please name a new or an empty folder."
        assert str(error.value) == expected
        assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_nothing_half_done_stays_behind(asr, speech_like, tmp_path, monkeypatch, failure):
    def fail(*_arguments, **_options):
        raise failure

    comparison = asr.compare(speech_like(0.5))
    monkeypatch.setattr(export, "save_file", fail)
    with pytest.raises(type(failure)):
        export_adapter(asr.backbone, comparison, tmp_path / "adapter")
    monkeypatch.setattr(type(asr.backbone.tokenizer), "save_pretrained", fail)
    with pytest.raises(type(failure)):
        export_merged(asr.backbone, comparison, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    export_adapter(asr.backbone, comparison, tmp_path / "deep" / "adapter")
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["adapter"]


def test_without_a_hypernetwork_there_is_nothing_to_take_away(backbone, speech_like, tmp_path):
    comparison = PersonalizedAsr(backbone, None, None).compare(speech_like(0.5))
    for write in (export_adapter, export_merged):
        with pytest.raises(ExportError, match="no hypernetwork for whisper-random, so there is no adaptation to write"):
            write(backbone, comparison, tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


# The command.


@pytest.fixture
def given(asr, whisper_folder, speech_like, tmp_path) -> list[str]:
    """A recording and the arguments that choose the random pair."""
    save_hypernet(asr.hypernet, tmp_path / "hypernet-random")
    save_audio(tmp_path / "a.wav", speech_like(1.5))
    models = ["--base", whisper_folder, "--hypernet", tmp_path / "hypernet-random", "--device", "cpu"]
    return [str(argument) for argument in (tmp_path / "a.wav", *models)]


def test_the_command_writes_what_the_library_writes(asr, given, tmp_path, capsys):
    comparison = asr.compare(tmp_path / "a.wav", strength=0.5)
    out = tmp_path / "out"
    assert main(["export", *given, "--strength", "0.5", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert comparison.adapted.text in printed and f"{out}/: README.md, adapter_config.json" in printed
    weights = load_file(out / "adapter_model.safetensors")
    for i, site in enumerate(comparison.lora.sites):
        torch.testing.assert_close(weights[f"base_model.model.{site.name}.lora_B.weight"], comparison.lora.b[i][0])
    assert main(["export", *given, "--strength", "0.5", "--merged", "--out", str(tmp_path / "merged")]) == 0
    merged = PersonalizedAsr.load(tmp_path / "merged", device="cpu")
    assert merged.compare(tmp_path / "a.wav").base.transcript.tokens == comparison.adapted.transcript.tokens


def test_what_the_user_did_wrong_takes_one_line(given, tmp_path, capsys, monkeypatch):
    one_line_failure(capsys, ["export", *given, "--out", tmp_path / "x", "--strength", "3"], "The strength is 3, but")
    one_line_failure(capsys, ["export", *given[:3], "--out", tmp_path / "x"], "There is no hypernetwork for")
    monkeypatch.setattr(PersonalizedAsr, "load", lambda **_options: pytest.fail("loaded"))  # told before the work
    one_line_failure(capsys, ["export", *given, "--out", tmp_path], "There is something in")
    assert not (tmp_path / "x").exists()
