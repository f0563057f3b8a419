"""What programs may ask of the page: each example of docs/api.md is run as it stands there against the served page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from served import ROOT, launched

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.speaker import compare_speaker
from hyper.recordings.audio import SAMPLE_RATE
from hyper.ui import server
from hyper.ui.endpoints import NO_NUMBER
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
WRITTEN_ADDRESS = "http://127.0.0.1:7860/"
FILES = ("talk.wav", "anna-1.wav", "anna-2.wav")
NODE_MODULES = Path(os.environ.get("NODE_MODULES", ROOT / "node_modules"))


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, speech_like) -> Path:
    """Where a reader of the page keeps recordings."""
    folder = tmp_path_factory.mktemp("reader")
    for seed, name in enumerate(FILES):
        soundfile.write(folder / name, speech_like(1.2, seed=seed), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def address(asr, tmp_path_factory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        with launched(build_demo(ModelStore(asr, "bundled", server.load_by_name), [])) as url:
            yield url


def examples(language: str, address: str) -> list[str]:
    """The page's blocks in a language, in their order, for the page that is served here."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert blocks and any(WRITTEN_ADDRESS in block for block in blocks)
    return [block.replace(WRITTEN_ADDRESS, address) for block in blocks]


def test_the_page_names_every_endpoint_and_no_other(address):
    client = Client(address, verbose=False)
    api = client.view_api(return_format="dict", print_info=False)
    client.close()
    assert api["unnamed_endpoints"] == {}
    named = re.findall(r"^\| `(/\w+)` \|", PAGE, re.MULTILINE)
    assert named == list(api["named_endpoints"]) == ["/compare", "/several", "/speaker", "/export"]
    for described in api["named_endpoints"].values():
        assert described["description"] and all(each["parameter_name"] for each in described["parameters"])
    required = {
        name: [each["parameter_name"] for each in described["parameters"] if not each["parameter_has_default"]]
        for name, described in api["named_endpoints"].items()
    }
    assert set(map(tuple, required.values())) == {("recording",), ("recordings",)}


def test_python(address, asr, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    names: dict = {}
    for block in examples("python", address):
        exec(compile(block, "docs/api.md", "exec"), names)
    direct = asr.compare(folder / "talk.wav", "turn on the lights")
    assert (names["one"]["base"], names["one"]["adapted"]) == (direct.base.text, direct.adapted.text)
    meant = ["call my sister", "what time is it"]
    compared = compare_speaker(asr, FILES[1:], meant).to_json()
    assert names["speaker"]["pooled"] == compared["pooled"]
    utterances = names["several"]["utterances"]
    assert [(each["file"], each["reference"]) for each in utterances] == list(zip(FILES[1:], meant, strict=True))
    assert [each["adapted"] for each in utterances] == [asr.compare(name).adapted.text for name in FILES[1:]]
    with ZipFile(names["adapter"]) as archive:
        assert any(name.endswith("adapter_model.safetensors") for name in archive.namelist())
    assert direct.adapted.text in capsys.readouterr().out


def test_curl(address, asr, folder):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (block,) = examples("bash", address)
    done = subprocess.run(
        ["bash", "-eu", "-c", block], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    data = re.findall(r"event: complete\ndata: (.*)", done.stdout)
    one, several, speaker, adapter = (json.loads(each)[0] for each in data)
    assert one["adapted"] == asr.compare(folder / "talk.wav").adapted.text
    assert [each["file"] for each in several["utterances"]] == list(FILES[1:])
    assert speaker["pooled"] == of_one_speaker(asr, folder)["pooled"]
    assert adapter["url"].endswith(".zip")


def test_javascript(address, asr, folder):
    if shutil.which("node") is None or not (NODE_MODULES / "@gradio" / "client").is_dir():
        pytest.skip("node or its package @gradio/client is not installed (NODE_MODULES says where to look)")
    (block,) = examples("javascript", address)
    (folder / "node_modules").symlink_to(NODE_MODULES.resolve())
    (folder / "example.mjs").write_text(block)
    done = subprocess.run(["node", "example.mjs"], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    base, adapted, *several, pooled, adapter = done.stdout.splitlines()
    assert base.startswith(asr.compare(folder / "talk.wav").base.text)
    assert adapted.startswith(asr.compare(folder / "talk.wav").adapted.text)
    assert [line.split()[0] for line in several] == list(FILES[1:])
    wanted = of_one_speaker(asr, folder)["pooled"]
    assert [float(wer) for wer in pooled.split()] == [wanted[row]["wer"] for row in ("base", "speaker")]
    assert adapter.endswith(".zip")


def of_one_speaker(asr, folder) -> dict:
    names = [folder / name for name in FILES[1:]]
    return compare_speaker(asr, names, ["call my sister", "what time is it"]).to_json()


def test_what_cannot_be_done_comes_back_as_its_sentence(address, folder):
    client = Client(address, verbose=False)
    two = [handle_file(folder / name) for name in FILES[:2]]
    with pytest.raises(AppError, match="There is 1 line of what was meant for 2 recordings"):
        client.predict(two, "one line", api_name="/several")
    with pytest.raises(AppError, match="There is 1 recording; please give 2 to 20"):
        client.predict(two[:1], "", api_name="/speaker")
    with pytest.raises(AppError, match="There is no recording yet"):
        client.predict([], "", api_name="/several")
    (folder / "text.wav").write_text("these are not samples")
    answer = client.predict([*two, handle_file(folder / "text.wav")], "", api_name="/several")
    assert [each["file"] for each in answer["utterances"]] == list(FILES[:2])
    assert answer["failures"][0]["reason"].startswith("text.wav is not an audio recording")
    client.close()


def test_null_is_as_if_it_were_left_out(address, folder):
    client = Client(address, verbose=False)
    talk, two = handle_file(folder / "talk.wav"), [handle_file(folder / name) for name in FILES[1:]]
    nothing = dict.fromkeys(("reference", "model", "language", "adaptation", "verbatim", "strength"))
    told = ("base", "adapted", "strength", "model", "language", "reference")
    left_out, null = (client.predict(talk, api_name="/compare", **given) for given in ({}, nothing))
    assert {name: null[name] for name in told if name in null} == {
        name: left_out[name] for name in told if name in null
    }
    for endpoint in ("/several", "/speaker"):
        answer = client.predict(two, meant=None, model=None, language=None, api_name=endpoint)
        assert answer["recordings" if "recordings" in answer else "utterances"]
    assert client.predict(talk, kind=None, strength=None, api_name="/export").endswith("adapter.zip")
    for strength, sentence in ((3, "The strength is 3, but it"), ("strong", NO_NUMBER), ([1], NO_NUMBER)):
        for endpoint in ("/compare", "/export"):
            with pytest.raises(AppError, match=sentence):
                client.predict(talk, strength=strength, api_name=endpoint)
    client.close()
