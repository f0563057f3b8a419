"""A manifest shared by several processes: every recording once, and what one process finds."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from hyper.compare import shared
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.shared import own_part
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import save_hypernet
from hyper.recordings.manifest import read_manifest, write_manifest
from hyper.training.adaptation import train_hypernet
from hyper.training.adaptation.loop import AdaptationTraining
from tests.conftest import read_json


@pytest.mark.parametrize(("n_rows", "n_processes"), [(0, 2), (1, 3), (7, 2), (8, 4), (20, 3)])
def test_the_parts_in_turn_are_the_manifest(n_rows: int, n_processes: int) -> None:
    rows = [SimpleNamespace(file=f"{i}.wav") for i in range(n_rows)]
    parts = [own_part(rows, index, n_processes) for index in range(n_processes)]
    assert [row for part in parts for row in part] == rows
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_processes_wait_for_one_another_longer_than_encoding_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(shared, "PartialState", lambda **given: asked.append(given) or SimpleNamespace(device="cuda:1"))
    assert shared.own_device("cuda") == "cuda:1" and asked[0]["timeout"] >= timedelta(hours=12)

    class Launched(Exception):
        pass

    def launched(kwargs_handlers: list, **_: object) -> None:
        asked.append(kwargs_handlers[0].to_kwargs())
        raise Launched

    monkeypatch.setattr(train_hypernet, "Accelerator", launched)
    wanted = train_hypernet.HypernetTraining(
        "bundled", [], Path("out"), Path("run"), "auto", ["decoder.fc1"], 1, None, "mlp", "both", 0.1, "cuda"
    )
    with pytest.raises(Launched):
        train_hypernet.train_hypernet(wanted, AdaptationTraining(updates=1))
    assert asked[1] == {"timeout": asked[0]["timeout"]}


def test_two_processes_find_what_one_finds(
    spoken: Path, whisper_folder: Path, backbone: Backbone, make_hypernet, tmp_path: Path
) -> None:
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    (tmp_path / "noise.wav").write_bytes(b"this is no sound")
    write_manifest(tmp_path / "list.csv", [*rows[:4], replace(rows[0], file="noise.wav"), *rows[4:]])
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet")
    told = evaluated_by_two(
        f"{tmp_path / 'list.csv'} --base {whisper_folder} --hypernet {tmp_path / 'hypernet'} --device cpu "
        f"--json {tmp_path / 'shared.json'}"
    )
    assert "all" in told[0] and told[1] == ""  # only the first reports
    shared = read_json(tmp_path / "shared.json")

    asr = PersonalizedAsr.load(whisper_folder, tmp_path / "hypernet", "cpu")
    alone = score_manifest(asr, read_manifest(tmp_path / "list.csv")).to_json()
    assert [utterance["file"] for utterance in shared["utterances"]] == [u["file"] for u in alone["utterances"]]
    assert len(shared["utterances"]) == 20 and shared["failures"] == alone["failures"] != []
    assert shared["groups"] == alone["groups"]
    assert [(u["base"], u["adapted"]) for u in shared["utterances"]] == [
        (u["base"], u["adapted"]) for u in alone["utterances"]
    ]
    assert any(u["base"] != u["adapted"] for u in alone["utterances"])  # or one row would do


def evaluated_by_two(arguments: str) -> list[str]:
    """What each of two processes prints, started as a launcher starts them."""
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29419", "ACCELERATE_USE_CPU": "true"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "hyper", "evaluate", *arguments.split()],
            env={**os.environ, **together, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    told = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    return [out for out, _ in told]
