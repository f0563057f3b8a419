"""Taught by the originals: the base's own words of the unchanged recording, and nothing where nothing was changed."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from hyper.__main__ import main
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.speech.simulate_manifest import simulate_manifest
from hyper.training.adaptation.losses import OriginalsLoss
from hyper.training.adaptation.originals import OriginalsError, WithOriginals
from hyper.training.adaptation.states import StateStore, StoreError
from hyper.training.adaptation.stores import LogMelStore


@pytest.fixture(scope="module")
def rows(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ManifestRow]:
    """Simulated recordings, and the typical ones of the same speakers."""
    typical = [row for row in read_manifest(spoken) if row.cohort == "typical"]
    out = tmp_path_factory.mktemp("simulated")
    simulate_manifest(typical, out, cohorts=["stuttering", "dysarthria"], seed=0, n_workers=1)
    return [*read_manifest(out / "manifest.csv"), *typical]


@pytest.fixture(scope="module")
def states(backbone: Backbone, rows: list[ManifestRow], tmp_path_factory: pytest.TempPathFactory) -> StateStore:
    return StateStore.build(backbone, rows, tmp_path_factory.mktemp("run") / "states")


@pytest.fixture(scope="module")
def store(backbone: Backbone, rows: list[ManifestRow], states: StateStore) -> WithOriginals:
    return WithOriginals(LogMelStore(backbone, rows, states), states.folder, backbone, rows, "en")


def on_its_own(backbone: Backbone, path: Path, tokens: list[int], n_frames: int) -> np.ndarray:
    """(n_tokens + 1, n_written) probabilities of transformers' own decoder."""
    states = backbone.encode_frames(backbone.log_mel([load_audio(path)])[..., :n_frames])
    inputs = torch.tensor([[*backbone.prompt(), *tokens]])
    logits = backbone.model(encoder_outputs=(states,), decoder_input_ids=inputs).logits[0, len(backbone.prompt()) - 1 :]
    written = np.setdiff1d(np.arange(backbone.n_tokens), backbone.suppressed)
    return softmax(logits.detach().numpy().astype(np.float64)[:, written], axis=1)


def test_simulated_recordings_name_their_original_wherever_the_manifest_goes(
    rows: list[ManifestRow], spoken: Path, tmp_path: Path
) -> None:
    simulated = [row for row in rows if row.simulated]
    typical = {row.path.resolve(): row for row in read_manifest(spoken)}
    assert simulated and all(typical[row.original].reference == row.reference for row in simulated)
    assert all(row.original is None for row in rows if not row.simulated)
    write_manifest(tmp_path / "elsewhere" / "list.csv", [replace(row, file=str(row.path)) for row in rows])
    assert str(tmp_path) not in (tmp_path / "elsewhere" / "list.csv").read_text().partition("\n")[0]
    assert [row.original for row in read_manifest(tmp_path / "elsewhere" / "list.csv")] == [
        row.original for row in rows
    ]


def test_the_loss_is_the_divergence_of_the_base_on_the_original(
    backbone: Backbone, rows: list[ManifestRow], store: WithOriginals
) -> None:
    lengths = {each: 2 * backbone.n_speech_states(len(load_audio(each))) + 16 for row in rows if (each := row.original)}
    longest = max(lengths.values())  # of all originals, which are decoded as one batch
    for i in (0, 3):
        batch = store.batch([i])
        found = float(OriginalsLoss(backbone, "en")(backbone.encode_frames(batch.states), batch.tokens, batch.lessons))
        said = on_its_own(backbone, rows[i].path, batch.tokens[0], batch.states.shape[-1])
        wanted = on_its_own(backbone, rows[i].original, batch.tokens[0], longest)
        assert found == pytest.approx(rel_entr(wanted, said).sum(), rel=0.03)
        assert found > 0.01


def test_what_nobody_changed_is_to_be_left_alone(
    backbone: Backbone, rows: list[ManifestRow], store: WithOriginals
) -> None:
    losses = []
    for simulated in (True, False):
        batch = store.batch([i for i, row in enumerate(rows) if row.simulated == simulated][:4])
        states = backbone.encode_frames(batch.states)
        losses.append(float(OriginalsLoss(backbone, "en")(states, batch.tokens, batch.lessons)))
    assert losses[1] < 0.01 * losses[0]


def test_the_lessons_are_read_from_their_file_the_next_time(
    backbone: Backbone,
    rows: list[ManifestRow],
    states: StateStore,
    store: WithOriginals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backbone, "encode_frames", None)
    again = WithOriginals(states, states.folder, backbone, rows, "en")
    assert torch.equal(again.batch([1, 2]).lessons, store.batch([1, 2]).lessons)
    assert torch.equal(again.statistics([1]), states.statistics([1]))
    with pytest.raises(StoreError, match="do not belong to these recordings"):
        WithOriginals(states, states.folder, backbone, rows[1:], "en")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"original": None}, "1 recordings that are not typical name no original, the first is 000/000000.wav"),
        (
            {"original": Path("/nowhere/a.wav")},
            "1 originals are missing or cannot be read, the first is /nowhere/a.wav",
        ),
    ],
)
def test_an_original_that_is_not_there_is_said_before_anything_is_decoded(
    backbone: Backbone, rows: list[ManifestRow], states: StateStore, change: dict, message: str
) -> None:
    with pytest.raises(OriginalsError, match=message):
        WithOriginals(states, states.folder, backbone, [replace(rows[0], **change), *rows[1:]], "en")


@pytest.mark.parametrize("command", ["train --run {run} --out {run}/out", "methods --work {run} --methods lora-global"])
def test_a_list_without_originals_is_refused_before_anything_is_loaded(
    command: str, rows: list[ManifestRow], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(tmp_path / "list.csv", [replace(row, file=str(row.path), original=None) for row in rows])
    words = f"{command} --base never/loaded --data {{list}} --lesson originals"
    assert main(words.format(run=tmp_path / "run", list=tmp_path / "list.csv").split()) == 1
    assert "recordings that are not typical name no original, the first is" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_command_learns_to_undo_what_was_simulated(
    rows: list[ManifestRow], whisper_folder: Path, store: WithOriginals, tmp_path: Path
) -> None:
    write_manifest(tmp_path / "list.csv", [replace(row, file=str(row.path)) for row in rows])
    settings = "--targets encoder --generated coefficients --rank 4 --batch-size 8 --updates 30 --lesson originals"
    folders = ["--base", whisper_folder, "--data", tmp_path / "list.csv", "--out", tmp_path / "out"]
    assert main([*map(str, ["train", *folders, "--run", tmp_path / "run", "--device", "cpu"]), *settings.split()]) == 0
    asr = PersonalizedAsr.load(whisper_folder, tmp_path / "out", device="cpu")
    batch = store.batch([i for i, row in enumerate(rows) if row.simulated])
    losses = []
    for context in (nullcontext(), asr.backbone.adapted(asr.hypernet(batch.statistics))):
        with context, torch.inference_mode():
            states = asr.backbone.encode_frames(batch.states)
            losses.append(float(OriginalsLoss(asr.backbone, "en")(states, batch.tokens, batch.lessons)))
    assert losses[1] < 0.95 * losses[0]
    assert "what the base makes of" in (tmp_path / "out" / "README.md").read_text()


def test_every_method_can_be_taught_by_the_originals(
    rows: list[ManifestRow], whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list_of_all = tmp_path / "everybody.csv"
    write_manifest(list_of_all, [replace(row, file=str(row.path)) for row in rows])
    folders = ["--base", whisper_folder, "--data", list_of_all, "--score", list_of_all, "--out", tmp_path / "out"]
    settings = "--updates 5 --warm-up 1 --batch-size 8 --seeds 0 --device cpu --beside hypernet-encoder".split()
    command = [*map(str, ["methods", *folders, "--work", tmp_path / "work"]), *settings, "--lesson", "originals"]
    assert main([*command, "--methods", "hypernet-encoder", "lora-encoder-cohort", "lora-global"]) == 0
    record = json.loads((tmp_path / "out" / "methods.json").read_text())
    assert record["lesson"] == json.loads((tmp_path / "work" / "study.json").read_text())["lesson"] == "originals"
    assert {(each["rival"], each["set"]) for each in record["comparisons"]} == {
        ("lora-global", "everybody"), ("lora-encoder-cohort", "everybody")
    }  # fmt: skip
    before = [
        json.loads((tmp_path / "work" / name / "seed0" / key / "log.jsonl").read_text().splitlines()[0])
        for name, key in (("hypernet-encoder", "all"), ("lora-global", "all"), ("lora-encoder-cohort", "stuttering"))
    ]
    for entry in before:  # nothing was changed; the references would be some 5 nats away
        assert entry["typical_base"] < 0.5
    capsys.readouterr()
    fewer, named = tmp_path / "other" / "everybody.csv", [tmp_path / "same.csv", tmp_path / "same" / "manifest.csv"]
    for path in (fewer, *named):
        path.parent.mkdir(exist_ok=True)
        write_manifest(path, [replace(row, file=str(row.path)) for row in rows[2:]])
    for other, message in (
        (
            [*command[:-1], "references", "--methods", "lora-global"],
            "holds a study with lesson originals, but references was asked for",
        ),
        ([*command, "--methods", "lora-speaker"], "lora-speaker is taught by further recordings of the speakers of"),
        (
            [*command, "--methods", "lora-global", "--score", str(fewer)],
            "holds a study with recordings",
        ),
        (
            [*command, "--methods", "lora-global", "--score", *map(str, named)],
            "Two manifests of held-out recordings are called same",
        ),
    ):
        assert main(other) == 1
        assert message in capsys.readouterr().err
