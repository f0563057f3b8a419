"""The folder for a Hugging Face Space is complete, small enough for plain git, and starts."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import venv
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from gradio_client import Client, handle_file
from served import ROOT, running_app

from hyper.__main__ import main
from hyper.model.pairs import hub_bases

CLEAN = "HYPERWHISPER_CLEAN_SPACE"  # 1, or the torch to install in place of the pinned one
LARGEST_PLAIN_FILE = 10_000_000  # bytes that the hub takes by plain git
ZERO_GPU_TORCH = {"2.8", "2.9", "2.10", "2.11"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "space"
    assert main(["space", str(folder)]) == 0
    return folder


def test_the_card_is_what_a_space_reads(folder):
    _, block, page = (folder / "README.md").read_text().split("---\n", 2)
    card = yaml.safe_load(block)
    assert card["sdk"] == "gradio"
    assert (folder / card["app_file"]).is_file()
    assert len(card["short_description"]) <= 60
    assert {line.split()[0] for line in card["preload_from_hub"]} == set(card["models"])
    assert page.strip().startswith("# HyperWhisper")
    (starts_on,) = hub_bases()  # what is preloaded and adapts is what the page starts on
    assert card["models"][0] == starts_on
    assert f"starts on OpenAI's Whisper {starts_on.removeprefix('openai/whisper-')}" in " ".join(page.split())


def test_only_torch_differs_in_the_requirements_and_zerogpu_lists_it(folder):
    ours = (ROOT / "requirements.txt").read_text().splitlines()
    its = (folder / "requirements.txt").read_text().splitlines()
    (changed,) = (new for old, new in zip(ours, its, strict=True) if old != new)
    assert changed.startswith("torch==")
    assert changed.removeprefix("torch==").rpartition(".")[0] in ZERO_GPU_TORCH


def test_git_lfs_takes_each_large_file(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "clone")
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    files = [file for file in folder.rglob("*") if file.is_file()]
    large = [str(file.relative_to(folder)) for file in files if file.stat().st_size > LARGEST_PLAIN_FILE]
    assert large
    said = subprocess.run(["git", "check-attr", "filter", *large], cwd=copy, check=True, capture_output=True, text=True)
    assert said.stdout.splitlines() == [f"{name}: filter: lfs" for name in large]


def test_neither_tests_nor_study_results_are_in_it(folder):
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert "assets/whisper-mini/model.safetensors" in names
    assert not {name for name in names if "__pycache__" in name or name.startswith("tests")}
    assert {name for name in names if name.startswith("assets/results/")} == {"assets/results/scorecard.json"}


def test_a_folder_that_holds_something_is_left_alone(folder, capsys):
    assert main(["space", str(folder)]) == 1
    assert "please name a new or an empty folder" in capsys.readouterr().err


def test_after_a_full_disk_nothing_is_left(tmp_path, monkeypatch, capsys):
    def full(source, target, **how):
        target.mkdir()
        shutil.copy(ROOT / "LICENSE", target / "half")  # some of it is there when the disk is full
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr("hyper.ui.space_folder.shutil.copytree", full)
    assert main(["space", str(tmp_path / "space")]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_page_starts_from_it_and_compares(folder, tmp_path):
    with running_app(tmp_path, folder=folder) as address:
        client = Client(address, verbose=False)
        result = client.predict(handle_file(folder / "examples" / "typical_1.wav"), "", api_name="/compare")
        assert result["base"].split() and result["adapted"].split()


@pytest.mark.skipif(CLEAN not in os.environ, reason=f"{CLEAN} is not set: it installs gigabytes, which takes minutes")
def test_it_starts_where_nothing_but_its_requirements_is_installed(folder, tmp_path):
    wanted = (folder / "requirements.txt").read_text()
    if (torch := os.environ[CLEAN]) != "1":
        wanted = re.sub(r"^torch==.*$", f"torch=={torch}", wanted, flags=re.MULTILINE)
    (tmp_path / "requirements.txt").write_text(wanted)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", tmp_path / "requirements.txt"], check=True)
    with running_app(tmp_path / "cache", folder=folder, python=python) as address:
        with urlopen(address) as page:
            assert "<title>HyperWhisper" in page.read().decode()
        recording = handle_file(folder / "examples" / "stuttering_severe.wav")
        found = Client(address, verbose=False).predict(recording, "show me the red slippers", api_name="/compare")
        assert found["base"].split() and found["adapted"].split() != found["base"].split()
