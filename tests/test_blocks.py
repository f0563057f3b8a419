"""A local Ray of two workers: what one process finds, each recording once, and again where a worker was killed."""

from __future__ import annotations

import builtins
import os
import pickle
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hyper.__main__ import main
from hyper.compare import shared
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.shared import score_on_ray
from hyper.model.checkpoint import save_hypernet
from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.blocks import BlocksError, in_blocks, on_ray
from hyper.recordings.manifest import read_manifest, write_manifest
from hyper.speech.simulate_manifest import simulate_manifest
from tests.conftest import read_json


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # or a key would be written into the home folder
        patch.delenv("RAY_ADDRESS", raising=False)
        here = Path(__file__).parent
        patch.setenv("PYTHONPATH", f"{here}{os.pathsep}{here.parent}")  # workers import what they are given
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)
        yield
        ray.shutdown()


def test_a_block_of_a_killed_worker_is_done_again_and_a_kept_one_is_not(two_workers: None, tmp_path: Path) -> None:
    make = partial(dies_once, tmp_path)
    blocks = in_blocks(list(range(17)), 3)
    assert [len(block) for block in blocks] == [3, 3, 3, 3, 3, 2]
    assert on_ray(make, blocks, tmp_path / "kept", "squaring") == [[i * i for i in block] for block in blocks]
    done = sorted((tmp_path / "done").read_text().split())
    assert (tmp_path / "died").exists() and set(done) == {"0", "3", "6", "9", "12", "15"}
    kept = sorted((tmp_path / "kept").rglob("*.pickle"))
    assert len(kept) == 6

    kept[4].unlink()  # as after a stop on the way
    (tmp_path / "done").unlink()
    assert on_ray(make, blocks, tmp_path / "kept", "squaring")[4] == [144, 169, 196]
    assert (tmp_path / "done").read_text().split() == ["12"]


def dies_once(folder: Path) -> Callable[[list[int]], list[int]]:
    """Squares, but the first worker that meets the block from 6 is killed."""

    def squares(block: list[int]) -> list[int]:
        if block[0] == 6 and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with (folder / "done").open("a") as done:
            done.write(f"{block[0]}\n")
        return [i * i for i in block]

    return squares


def test_two_workers_find_what_one_process_finds(
    two_workers: None, spoken: Path, whisper_folder: Path, backbone, make_hypernet, tmp_path: Path, monkeypatch
) -> None:
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    (tmp_path / "noise.wav").write_bytes(b"this is no sound")
    write_manifest(tmp_path / "list.csv", [*rows[:4], replace(rows[0], file="noise.wav"), *rows[4:]])
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet")
    monkeypatch.setattr(shared, "in_blocks", partial(in_blocks, size=6))
    arguments = f"{tmp_path / 'list.csv'} --base {whisper_folder} --hypernet {tmp_path / 'hypernet'} --device cpu"
    command = [*f"evaluate {arguments}".split(), "--ray", "--blocks", str(tmp_path / "blocks")]
    assert main([*command, "--json", str(tmp_path / "ray.json")]) == 0
    found = read_json(tmp_path / "ray.json")

    alone = score_manifest(
        PersonalizedAsr.load(whisper_folder, tmp_path / "hypernet", "cpu"), read_manifest(tmp_path / "list.csv")
    ).to_json()
    assert [u["file"] for u in found["utterances"]] == [u["file"] for u in alone["utterances"]]
    assert found["groups"] == alone["groups"] and found["failures"] == alone["failures"] != []
    assert [(u["base"], u["adapted"]) for u in found["utterances"]] == [
        (u["base"], u["adapted"]) for u in alone["utterances"]
    ]

    monkeypatch.setattr("hyper.recordings.blocks._done", lambda *_: pytest.fail("a kept block was done again"))
    assert main([*command, "--json", str(tmp_path / "again.json")]) == 0
    assert read_json(tmp_path / "again.json") == found


def test_simulating_on_ray_writes_what_processes_write(two_workers: None, spoken: Path, tmp_path: Path) -> None:
    rows = [replace(row, file=str(row.path), cohort="typical") for row in read_manifest(spoken)]
    write_manifest(typical := tmp_path / "typical.csv", rows)
    for out, how in (("ray", ["--ray"]), ("processes", ["--workers", "1"])):
        assert main(["simulate", str(typical), "--out", str(tmp_path / out), "--limit", "6", *how]) == 0
    by_ray, by_processes = (read_manifest(tmp_path / out / "manifest.csv") for out in ("ray", "processes"))
    assert len(by_ray) == 6
    for one, other in zip(by_ray, by_processes, strict=True):
        assert replace(one, path=other.path) == other
        assert (load_audio(one.path) == load_audio(other.path)).all()


def test_without_ray_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch) -> None:
    real_import = builtins.__import__

    def without_ray(name: str, *arguments, **keywords):
        if name.split(".")[0] == "ray":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(BlocksError, match=r"--ray needs Ray, which is not installed: pip install 'ray\[data\]'"):
        on_ray(dies_once, [[1]], tmp_path, "squaring")


@pytest.fixture
def done_here(monkeypatch) -> list[int]:
    """The blocks that are done, in this process instead of by Ray's workers."""
    done: list[int] = []

    def in_turn(make, missing, _wants_gpu) -> Iterator[dict]:
        work = make()
        for each in missing:
            done.append(each["block"])
            yield {"block": each["block"], "result": pickle.dumps(work(pickle.loads(each["task"])))}

    monkeypatch.setattr("hyper.recordings.blocks._done", in_turn)
    return done


def test_a_pair_that_was_trained_anew_is_scored_anew_and_so_are_recordings_that_changed(
    whisper_folder, make_hypernet, backbone, spoken, tmp_path, monkeypatch, done_here
) -> None:
    copies = [tmp_path / f"{i}.wav" for i in range(2)]
    rows = [replace(row, path=copy) for row, copy in zip(read_manifest(spoken), copies, strict=False)]
    for row, original in zip(rows, read_manifest(spoken), strict=False):
        shutil.copy(original.path, row.path)
    hypernet = tmp_path / "hypernet"
    save_hypernet(make_hypernet(backbone), hypernet)

    def n_done() -> int:
        done_here.clear()
        read = shared.files_of(str(whisper_folder), str(hypernet))
        assert {file.name for file in read} >= {"config.json", "model.safetensors"}
        load = partial(PersonalizedAsr.load, whisper_folder, hypernet, "cpu")
        score_on_ray(load, rows, tmp_path / "kept", batch_size=2, language="en", read=read)
        return len(done_here)

    assert [n_done(), n_done()] == [1, 0]
    save_hypernet(make_hypernet(backbone, strength=2.0), hypernet)
    assert [n_done(), n_done()] == [1, 0]
    shutil.copy(copies[0], copies[1])
    assert [n_done(), n_done()] == [1, 0]
    copies[1].unlink()
    assert [n_done(), n_done()] == [1, 0]  # it is among the failures


def test_recordings_that_changed_are_simulated_anew(spoken: Path, tmp_path: Path, done_here) -> None:
    row = replace(read_manifest(spoken)[0], path=tmp_path / "a.wav", cohort="typical")
    for i, each in enumerate(read_manifest(spoken)[:2]):
        save_audio(row.path, load_audio(each.path))
        for _ in range(2):
            how = {"cohorts": ["stuttering"], "seed": 0, "n_workers": 1}
            simulate_manifest([row], tmp_path / "out", **how, on_cluster=True)
            assert len(done_here) == i + 1


def test_blocks_of_other_weights_are_refused(backbone, spoken: Path, tmp_path: Path, monkeypatch) -> None:
    evaluation = score_manifest(PersonalizedAsr(backbone, None, None), read_manifest(spoken)[:2])
    mixed = [evaluation, replace(evaluation, fingerprint="other")]
    monkeypatch.setattr(shared, "on_ray", lambda *_, **__: mixed)
    with pytest.raises(BlocksError, match="holds blocks that were scored with other weights; please delete"):
        score_on_ray(PersonalizedAsr.load, read_manifest(spoken)[:2], tmp_path, batch_size=2, language="en")
