"""A run that was stopped ends where an unbroken one does, and goes on with nothing but what it was begun with."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hyper.__main__ import main
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.study.methods.adaptations import ModelAdaptation, private_copy
from hyper.training.adaptation.adaptation import Adaptation
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining, LoopError
from hyper.training.adaptation.states import StateStore
from hyper.training.adaptation.stores import LogMelStore
from hyper.training.base import features
from hyper.training.base.features import FeatureStore
from hyper.training.base.settings import BaseTraining, TrainingError
from hyper.training.base.small_whisper import BaseSize, StartError
from hyper.training.base.trainer import BaseTrainer, load_listener
from hyper.training.begun_with import RunError, manifest_mark
from tests.spoken import in_this_process

SETTINGS = AdaptationTraining(updates=8, batch_size=8, warm_up=2, validation_share=0.2, bfloat16=False)


@pytest.fixture(scope="module", autouse=True)
def no_workers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "parallel", in_this_process)
        yield


@pytest.fixture(scope="module")
def store(backbone: Backbone, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> StateStore:
    return StateStore.build(backbone, read_manifest(spoken), tmp_path_factory.mktemp("resuming") / "states")


def hypernetwork(backbone: Backbone, store: StateStore) -> Adaptation:
    """With dropout, which draws random numbers of torch's in every update."""
    made = HypernetAdaptation(backbone, config_for(backbone, n_mixes=2, d_hidden=16, dropout=0.3), "en", 0)
    made.standardise(store, np.arange(len(store)))
    return made


def decoder(backbone: Backbone, _store: StateStore) -> Adaptation:
    private = private_copy(backbone)
    return ModelAdaptation(private, private.parameters("decoder"), "en")


class Killed(AdaptationTrainer):
    """Validates and saves after update 3, and dies in update 6."""

    def _update(self, chosen: np.ndarray) -> None:
        if self.step == 5:
            raise KeyboardInterrupt
        super()._update(chosen)
        if self.step == 3:
            self._report()
            self._save()


def validations(trainer: AdaptationTrainer) -> list[dict]:
    return [{key: value for key, value in entry.items() if key != "minutes"} for entry in trainer.log.read()]


@pytest.mark.parametrize("make", [hypernetwork, decoder])
def test_an_interrupted_run_ends_bit_for_bit_where_an_unbroken_one_does(
    make: Callable[[Backbone, StateStore], Adaptation], backbone: Backbone, store: StateStore, tmp_path: Path
) -> None:
    whole = AdaptationTrainer(store, make(backbone, store), tmp_path / "whole", SETTINGS)
    before = [p.detach().clone() for p in whole.adaptation.parameters()]
    whole.train()
    with pytest.raises(KeyboardInterrupt):
        Killed(store, make(backbone, store), tmp_path / "killed", SETTINGS).train()
    with (tmp_path / "killed" / "log.jsonl").open("a") as log:
        log.write('{"step": 5, "minutes": 0.1, "loss": 9.0}\n{"step": 5, "minu')  # the kill cut a line off
    torch.rand(17)  # another process starts with another state of torch's generator
    resumed = AdaptationTrainer(store, make(backbone, store), tmp_path / "killed", SETTINGS)
    assert resumed.step == 3
    resumed.train()
    assert any(not torch.equal(a, b) for a, b in zip(before, whole.adaptation.parameters(), strict=True))
    for unbroken, broken in zip(whole.adaptation.parameters(), resumed.adaptation.parameters(), strict=True):
        assert torch.equal(unbroken, broken)
    logged = validations(resumed)
    assert [entry["step"] for entry in logged] == [0, 3, 8]
    assert [logged[0], logged[2]] == validations(whole)


def test_a_run_killed_before_its_first_save_begins_anew(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    class KilledAtOnce(AdaptationTrainer):
        def _update(self, chosen: np.ndarray) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KilledAtOnce(store, hypernetwork(backbone, store), tmp_path, SETTINGS).train()
    again = AdaptationTrainer(store, hypernetwork(backbone, store), tmp_path, SETTINGS)
    again.train()
    assert [entry["step"] for entry in again.log.read()] == [0, 8]
    finished = (tmp_path / "log.jsonl").read_text()
    AdaptationTrainer(store, hypernetwork(backbone, store), tmp_path, SETTINGS).train()  # nothing is left to do
    assert (tmp_path / "log.jsonl").read_text() == finished


@pytest.fixture(scope="module")
def begun(spoken: Path, whisper_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two updates, by the command itself."""
    folder = tmp_path_factory.mktemp("begun")
    assert train(folder, whisper_folder, spoken) == 0
    return folder


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(begun, tmp_path / "begun")


def train(folder: Path, base: Path, data: Path, *more: str) -> int:
    command = f"train --base {base} --data {data} --run {folder / 'run'} --out {folder / 'out'} --device cpu"
    return main([*command.split(), "--batch-size", "4", "--updates", "2", *more])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--rank", "2"), "was begun with rank 1, but now rank is 2; choose another folder for this run, or delete"),
        (("--batch-size", "5"), "was begun with batch_size 4, but now batch_size is 5"),
        (("--seed", "3"), "was begun with seed 0, but now seed is 3"),
        (("--generated", "b"), "was begun with generated both, but now generated is b"),
        (("--minutes", "0"), "`minutes` is 0, but training takes more than 0 and has an end"),
        (("--minutes", "nan"), "`minutes` is nan"),
        (("--minutes", "inf"), "`minutes` is inf"),
        (("--batch-size", "0"), "`batch_size` is 0, but it must be at least 1"),
        (("--accumulate", "0"), "`accumulate` is 0, but it must be at least 1"),
        (("--seed", "-1"), "`seed` is -1, but it must be at least 0"),
        (("--learning-rate", "0"), "`learning_rate` is 0, but it must be a number above 0"),
        (("--learning-rate", "nan"), "`learning_rate` is nan"),
        (("--learning-rate", "0.001"), "was begun with learning_rate 0.002, but now learning_rate is 0.001"),
        (("--strength", "0"), "`strength` is 0, but what becomes strength 1 lies above 0 and up to 2"),
        (("--strength", "nan"), "`strength` is nan"),
        (("--alpha", "nan"), "`alpha` is nan, but it must be above 0 and have an end"),
        (("--alpha", "0"), "`alpha` is 0.0, but it must be above 0"),
        (("--rank", "0"), "`rank` is 0, but it must be a whole number of at least 1"),
    ],
)
def test_other_settings_are_refused_in_one_sentence(
    more: tuple[str, ...], message: str, run: Path, spoken: Path, whisper_folder: Path, capsys: pytest.CaptureFixture
) -> None:
    before = (run / "run" / "state.safetensors").read_bytes()
    assert train(run, whisper_folder, spoken, *more) == 1
    (told,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert message in told
    assert (run / "run" / "state.safetensors").read_bytes() == before


@pytest.mark.parametrize("states", ["disk", "live"])
def test_other_recordings_are_refused(
    states: str, spoken: Path, whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train(tmp_path, whisper_folder, spoken, "--states", states) == 0
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    write_manifest(tmp_path / "fewer.csv", rows[:-1])
    assert train(tmp_path, whisper_folder, tmp_path / "fewer.csv", "--states", states) == 1
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert "holds encoder states of other recordings (20 (" in told or "was begun with recordings" in told


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


DAMAGES = {
    "state.safetensors": (cut_off, "state.safetensors is damaged, or of another version. Delete it; the run then"),
    "states/states.f16": (cut_off, "states is damaged: states.f16 has .* bytes, not .*. Delete it; the next start"),
    "states/statistics.f16": (cut_off, "states is damaged: statistics.f16 has"),
    "states/index.json": (cut_off, "states is damaged: index.json cannot be read or is of another version. Delete it"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_one_sentence_that_says_what_to_delete(
    name: str, run: Path, spoken: Path, whisper_folder: Path, capsys: pytest.CaptureFixture
) -> None:
    damage, message = DAMAGES[name]
    damage(run / "run" / name)
    assert train(run, whisper_folder, spoken) == 1
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(message, told), told
    gone = run / "run" / name
    shutil.rmtree(gone.parent) if gone.parent.name == "states" else gone.unlink()
    assert train(run, whisper_folder, spoken) == 0


def test_log_mel_cut_off_is_noticed(backbone: Backbone, spoken: Path, tmp_path: Path) -> None:
    rows = read_manifest(spoken)
    states = StateStore.build(backbone, rows, tmp_path / "states")
    LogMelStore(backbone, rows, states)
    cut_off(tmp_path / "states" / "log_mel.f16")
    with pytest.raises(RunError, match="states is damaged: log_mel.f16 has"):
        LogMelStore(backbone, rows, states)


# The base.

TINY = BaseSize(d_model=64, encoder_layers=1, decoder_layers=1, vocabulary=260)
BASE = BaseTraining(hours=0.5 / 3600, batch_size=4, warm_up=5)


@pytest.fixture(scope="module")
def begun_base(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun-base")
    BaseTrainer([spoken], folder / "run", BASE, TINY, 1).train()
    return folder / "run"


@pytest.fixture
def base_run(begun_base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(begun_base, tmp_path / "run")


def test_align_does_not_pass_old_pieces_off_as_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.csv").write_text("file\na.wav\n")
    assert main(["align", str(tmp_path / "people.csv"), "--run", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert (
        f"{tmp_path / 'manifest.csv'} is there already; choose another --out, or delete it." in capsys.readouterr().err
    )


def test_other_sound_of_the_same_size_is_another_recording(tmp_path: Path) -> None:
    rows, marks = [ManifestRow("a.wav", tmp_path / "a.wav", "mee", "s1")], []
    for seed in (0, 1, 1):
        save_audio(rows[0].path, np.random.default_rng(seed).uniform(-0.5, 0.5, 16_000).astype(np.float32))
        marks.append(manifest_mark(rows))
    assert marks[0] != marks[1] == marks[2]
    rows[0].path.unlink()
    assert manifest_mark(rows) not in marks


def test_a_base_goes_on_with_what_it_was_begun_with(base_run: Path, spoken: Path, tmp_path: Path) -> None:
    assert BaseTrainer([spoken], base_run, replace(BASE, hours=1.0), TINY, 1).step > 0
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    write_manifest(tmp_path / "fewer.csv", rows[:-1])
    with pytest.raises(RunError, match=r"was begun with recordings 20 \(.*, but now recordings is 19 \("):
        BaseTrainer([tmp_path / "fewer.csv"], base_run, BASE, TINY, 1)
    with pytest.raises(RunError, match="was begun with learning_rate 0.002, but now learning_rate is 0.1"):
        BaseTrainer([spoken], base_run, replace(BASE, learning_rate=0.1), TINY, 1)
    with pytest.raises(RunError, match="was begun with encoder_layers 1, but now encoder_layers is 2"):
        BaseTrainer([spoken], base_run, BASE, replace(TINY, encoder_layers=2), 1)


def test_a_damaged_run_of_a_base_says_what_to_delete(base_run: Path, spoken: Path) -> None:
    cut_off(base_run / "synthetic" / "phones.i8")
    with pytest.raises(RunError, match="synthetic is damaged: phones.i8 has"):
        FeatureStore(base_run / "synthetic")
    cut_off(base_run / "state.safetensors")
    with pytest.raises(RunError, match="state.safetensors is damaged"):
        BaseTrainer([spoken], base_run, BASE, TINY, 1)
    with pytest.raises(RunError, match="state.safetensors is damaged"):
        load_listener(base_run)
    (base_run / "size.json").write_text("{")
    with pytest.raises(RunError, match="size.json cannot be read"):
        load_listener(base_run)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AdaptationTraining(updates=-1), "`updates` is -1, but it must be at least 0"),
        (lambda: BaseTraining(real_share=1.5), "`real_share` is 1.5, but a share lies between 0 and 1"),
        (lambda: BaseTraining(clean_until=1.0), "`clean_until` is 1, but such a share lies between 0 and 1"),
        (lambda: BaseTraining(token_noise=-0.1), "`token_noise` is -0.1, but such a share lies between 0 and 1"),
        (lambda: BaseTraining(hours=-1), "`hours` is -1, but training takes more than 0 and has an end"),
        (lambda: BaseTraining(learning_rate=math.nan), "`learning_rate` is nan, but it must be a number above 0"),
        (lambda: BaseTraining(masks=-1), "`masks` is -1, but it must be a number of 0 or above"),
        (lambda: BaseTraining(warm_up=0), "`warm_up` is 0, but it must be at least 1"),
        (lambda: BaseTraining(batch_size=0), "`batch_size` is 0, but it must be at least 1"),
        (lambda: BaseSize(d_model=100), "`d_model` is 100, but it must be a multiple of 64"),
        (lambda: BaseSize(decoder_layers=0), "at least one encoder layer and one decoder layer"),
    ],
)
def test_settings_that_cannot_be_trained_with_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises((LoopError, TrainingError, StartError), match=message):
        make()
