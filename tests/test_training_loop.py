"""The training loop of everything that adapts a frozen base: budgets, parts, seeds, stores, several processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hyper.__main__ import main
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.recordings.audio import SAMPLE_RATE, load_audio, save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, source_speaker
from hyper.training.adaptation import loop
from hyper.training.adaptation.batches import Sampler, split_speakers
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.live_states import LiveStates, open_store
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining, DivergedError, LoopError
from hyper.training.adaptation.losses import ReferenceLoss
from hyper.training.adaptation.memory import update_bytes
from hyper.training.adaptation.states import StateStore, StoreError
from hyper.training.adaptation.stores import LogMelStore
from hyper.training.adaptation.teacher_forcing import IGNORED, teacher_batch
from hyper.training.adaptation.train_hypernet import _trained_on
from hyper.training.begun_with import RunError

SETTINGS = AdaptationTraining(updates=6, batch_size=8, warm_up=2, validation_share=0.2, bfloat16=False)


@pytest.fixture(scope="module")
def store(backbone: Backbone, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> StateStore:
    return StateStore.build(backbone, read_manifest(spoken), tmp_path_factory.mktemp("loop") / "states")


def adaptation(backbone: Backbone, store: StateStore, seed: int = 0) -> HypernetAdaptation:
    made = HypernetAdaptation(backbone, config_for(backbone, n_mixes=2, d_hidden=16, dropout=0.0), "en", seed)
    made.standardise(store, np.arange(len(store)))
    return made


def gradients(trainer: AdaptationTrainer, chosen: np.ndarray) -> list[Tensor]:
    trainer.adaptation.zero_grad()
    trainer._backward(chosen)
    return [p.grad.clone() for p in trainer.adaptation.parameters() if p.grad is not None]


def test_a_batch_in_parts_has_the_gradients_of_the_whole(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    chosen = np.array([0, 3, 5, 7, 8, 11, 13, 17])
    found = []
    for parts in (1, 4):
        trainer = AdaptationTrainer(
            store, adaptation(backbone, store), tmp_path / str(parts), replace(SETTINGS, accumulate=parts)
        )
        found.append(gradients(trainer, chosen))
    assert any(g.abs().max() > 1e-4 for g in found[0])
    for whole, parts in zip(*found, strict=True):
        assert torch.allclose(whole, parts, atol=1e-5, rtol=1e-3)


def test_the_loss_is_cross_entropy_a_token(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    trainer = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, SETTINGS)
    batch = store.batch([4])
    inputs = torch.tensor([[*backbone.prompt(), *batch.tokens[0]]])
    logits = backbone.model(encoder_outputs=(batch.states,), decoder_input_ids=inputs).logits[
        0, len(backbone.prompt()) - 1 :
    ]
    logits = logits.index_fill(1, torch.tensor(backbone.suppressed), -torch.inf)  # as decoding does
    wanted = nn.functional.cross_entropy(logits, torch.tensor([*batch.tokens[0], backbone.end_token]))
    assert trainer._backward(np.array([4])) == pytest.approx(float(wanted.detach()), rel=1e-4)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_only_what_was_taught_is_counted_as_tokens(
    accumulate: int, backbone: Backbone, store: StateStore, spoken: Path, tmp_path: Path
) -> None:
    """A silent recording is left out of a live batch, a long text is cut: neither makes the loss a token smaller."""
    save_audio(tmp_path / "silent.wav", np.zeros(SAMPLE_RATE, np.float32))
    silent = ManifestRow("silent.wav", tmp_path / "silent.wav", "mee maa moo " * 9, "s9", "typical")
    first, second, *_ = read_manifest(spoken)
    long = replace(first, reference="mee maa moo " * 50, cohort="typical")
    live = LiveStates(backbone, [long, silent, replace(second, cohort="typical"), silent])
    assert len(live.tokens[0]) + len(backbone.prompt()) > backbone.max_target_positions
    made, settings = adaptation(backbone, store), replace(SETTINGS, accumulate=accumulate, validation_share=0.0)
    trainer = AdaptationTrainer(live, made, tmp_path / "run", settings)
    trainer.validation = np.arange(4)
    inputs, targets = teacher_batch(
        [live.tokens[0], live.tokens[2]], backbone.prompt(), backbone.end_token, backbone.max_target_positions
    )
    n_taught = int((targets != IGNORED).sum())
    wanted = float(made(live.batch([0, 2])).detach()) / n_taught
    assert trainer._backward(np.arange(4)) == pytest.approx(wanted, rel=1e-4)
    found = gradients(trainer, np.arange(4))
    made.zero_grad()
    (made(live.batch([0, 2])) / n_taught).backward()
    for own, whole in zip(found, (p.grad for p in made.parameters() if p.grad is not None), strict=True):
        assert torch.allclose(own, whole, atol=1e-5, rtol=1e-3)
    trainer._report()
    assert trainer.log.read()[-1]["typical_adapted"] == pytest.approx(wanted, rel=1e-4)


def test_a_run_makes_its_updates_and_goes_on_from_them(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    first = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, SETTINGS)
    first.train()
    assert first.step == 6
    more = AdaptationTrainer(store, adaptation(backbone, store, 5), tmp_path, replace(SETTINGS, updates=9))
    assert more.step == 6
    for a, b in zip(first.adaptation.parameters(), more.adaptation.parameters(), strict=True):
        assert torch.equal(a, b)
    more.train()
    assert more.step == 9
    entries = [entry for entry in more.log.read() if "atypical_adapted" in entry]
    assert [entry["step"] for entry in entries] == [0, 6, 9]
    assert {entry["atypical_base"] for entry in entries} == {entries[0]["atypical_adapted"]}


def test_a_run_is_saved_more_often_than_validated_where_that_takes_long(
    backbone: Backbone, store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = AdaptationTrainer(
        store, adaptation(backbone, store), tmp_path, replace(SETTINGS, updates=7, save_every_seconds=0.5)
    )
    monkeypatch.setattr(trainer.clock, "tick", lambda: setattr(trainer.clock, "spent", trainer.clock.spent + 1))
    steps: dict[str, list[int]] = {"validated": [], "saved": []}

    def validate() -> None:
        steps["validated"].append(trainer.step)
        trainer._validating = 0.25  # seconds, so that 2.25 of training lie between two

    monkeypatch.setattr(trainer, "_report", validate)
    monkeypatch.setattr(trainer, "_save", lambda: steps["saved"].append(trainer.step))
    trainer.train()
    assert steps == {"validated": [0, 3, 6, 7], "saved": [1, 2, 3, 4, 5, 6, 7, 7]}
    monkeypatch.undo()
    trainer._report()
    assert 0 < trainer._validating < 60


def test_seeds_change_the_run_and_nothing_else_does(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    ends = []
    for i, seed in enumerate((1, 1, 2)):
        trainer = AdaptationTrainer(
            store, adaptation(backbone, store, seed), tmp_path / str(i), replace(SETTINGS, seed=seed)
        )
        trainer.train()
        ends.append(torch.cat([p.detach().flatten() for p in trainer.adaptation.parameters()]))
    assert torch.equal(ends[0], ends[1])
    assert not torch.allclose(ends[0], ends[2], atol=1e-3)


def test_validation_speakers_are_in_no_training(store: StateStore) -> None:
    training, validation = split_speakers(store, 0.2)
    speakers = [{store.speakers[i] for i in part} for part in (training, validation)]
    assert len(speakers[1]) == 1 and not speakers[0] & speakers[1]
    assert sorted([*training, *validation]) == list(range(len(store)))
    everyone, nobody = split_speakers(store, 0.0)
    assert len(everyone) == len(store) and len(nobody) == 0


def test_a_voice_is_held_with_all_the_patients_it_was_turned_into() -> None:
    """Four voices, each as it is and as two simulated patients; a real patient is nobody else."""
    voices = [f"known{i}" for i in range(4)]
    rows = [ManifestRow("a.wav", Path("a.wav"), "a", voice, "typical") for voice in voices]
    for kind in ("dysas0", "stutm1"):
        rows += [ManifestRow("b.wav", Path("b.wav"), "a", f"{v}-{kind}", "stuttering", simulated=True) for v in voices]
    rows.append(ManifestRow("c.wav", Path("c.wav"), "a", "clinic-7", "dysarthria"))
    store = of_people([source_speaker(row) for row in rows], [row.cohort for row in rows])
    training, validation = split_speakers(store, 0.4)
    assert len({store.people[i] for i in validation}) == 2
    assert not {store.people[i] for i in training} & {store.people[i] for i in validation}
    assert {store.people[i] for i in split_speakers(store, 0.4, {"clinic-7"})[1]} == {"clinic-7"}


def of_people(people: list[str], cohorts: list[str]) -> SimpleNamespace:
    return SimpleNamespace(people=people, cohorts=cohorts)


@pytest.mark.parametrize(("few", "many"), [("dysarthria", "typical"), ("typical", "dysarthria")])
def test_patients_and_others_are_held_where_two_of_each_are(few: str, many: str) -> None:
    people = [f"p{i:03}" for i in range(100)]

    def held(*of_few: str) -> set[str]:
        store = of_people(people, [few if person in of_few else many for person in people])
        return {people[i] for i in split_speakers(store, 0.04)[1]}

    as_drawn = held()
    others = [person for person in people if person not in as_drawn]
    assert len(as_drawn) == 4 and held(others[0]) == as_drawn  # the only one is to be learned from
    assert len(held(*others[:2])) == 5 and len(held(*others[:2]) & {*others[:2]}) == 1
    assert held(others[0], *sorted(as_drawn)[:1]) == as_drawn
    assert split_speakers(of_people(people, [few] * 50 + [many] * 50), 0.0)[1].tolist() == []


def test_validation_looks_at_all_of_a_long_list(
    backbone: Backbone, store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "VALIDATED", 3)
    trainer = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, replace(SETTINGS, validation_share=0.5))
    seen: list[int] = []
    monkeypatch.setattr(trainer, "_loss", lambda _module, batch: seen.extend(batch.chosen) or torch.ones(()))
    trainer._report()
    atypical = [int(i) for i in trainer.validation if store.cohorts[i] != "typical"]
    looked_at = [int(i) for i in seen if store.cohorts[i] != "typical"]
    assert len(looked_at) == 3 < len(atypical) and set(looked_at) < set(atypical) and looked_at != atypical[:3]


def test_only_the_chosen_recordings_are_drawn(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    chosen = np.array([1, 2, 3])
    settings = replace(SETTINGS, validation_share=0.0, batch_size=3)
    trainer = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, settings, chosen=chosen)
    draw, rng = Sampler(store, trainer.training, settings.typical_share, 3), np.random.default_rng(0)
    assert set(np.concatenate([draw.batch(rng) for _ in range(20)]).tolist()) == {1, 2, 3}


def test_a_quarter_of_what_is_drawn_is_typical(store: StateStore) -> None:
    draw, rng = Sampler(store, np.arange(len(store)), SETTINGS.typical_share, 8), np.random.default_rng(0)
    drawn = np.concatenate([draw.batch(rng) for _ in range(300)])
    assert np.mean([store.cohorts[i] == "typical" for i in drawn]) == pytest.approx(0.25, abs=0.04)


def test_an_uneven_batch_is_refused(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="A batch of 8 cannot be shared evenly by 1 processes in 3 parts"):
        AdaptationTrainer(store, adaptation(backbone, store), tmp_path, replace(SETTINGS, accumulate=3))


@pytest.mark.parametrize(("parts", "message"), [("16", "in 16 parts"), ("3", "A batch of 8 cannot be shared evenly")])
def test_an_uneven_batch_is_refused_before_anything_is_encoded(
    parts: str, message: str, whisper_folder: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"train --base {whisper_folder} --data {spoken} --run {tmp_path / 'run'} --out {tmp_path / 'out'}"
    assert main([*command.split(), "--device", "cpu", "--batch-size", "8", "--accumulate", parts]) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_several_processes_need_a_budget_in_updates(backbone: Backbone, store: StateStore, tmp_path: Path) -> None:
    class Two:
        num_processes = 2

    with pytest.raises(LoopError, match="2 processes must stop at the same update"):
        AdaptationTrainer(store, adaptation(backbone, store), tmp_path, replace(SETTINGS, updates=0), Two())


def test_a_run_that_diverges_ends_there_and_keeps_what_it_had(
    backbone: Backbone, store: StateStore, tmp_path: Path
) -> None:
    trainer = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, SETTINGS)
    trainer.train()
    kept = [p.clone() for p in trainer.adaptation.parameters()]
    more = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, replace(SETTINGS, updates=9))
    with torch.no_grad():
        next(more.adaptation.parameters()).fill_(torch.nan)
    with pytest.raises(DivergedError, match="The loss is nan at update 7 of the run in .*: training diverged"):
        more.train()
    again = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, SETTINGS)
    assert again.step == 6
    assert all(torch.equal(a, b) for a, b in zip(again.adaptation.parameters(), kept, strict=True))


def test_the_time_left_is_told_before_it_starts(
    backbone: Backbone, store: StateStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = AdaptationTrainer(store, adaptation(backbone, store), tmp_path, SETTINGS)
    before = [p.detach().clone() for p in trainer.adaptation.parameters()]
    draw = Sampler(store, trainer.training, SETTINGS.typical_share, 8)
    told = trainer.estimate(draw)
    assert told.startswith("about 6 updates of ") and told.endswith("min on 1 x cpu")
    for a, b in zip(before, trainer.adaptation.parameters(), strict=True):
        assert torch.equal(a, b)  # measuring taught nothing
    trainer.train()
    assert "about 6 updates of " in capsys.readouterr().out


def test_what_does_not_fit_the_memory_is_refused_before_the_first_update(
    backbone: Backbone, spoken: Path, store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveStates(backbone, read_manifest(spoken))
    made = adaptation(backbone, store)
    trainers = {
        (kind, parts): AdaptationTrainer(held, made, tmp_path / f"{kind}{parts}", replace(SETTINGS, accumulate=parts))
        for kind, held, parts in (("disk", store, 1), ("disk", store, 2), ("live", live, 1))
    }
    trainers["disk", 1].check_memory()
    longest = np.argsort(store.lengths)[-2:]
    needed = update_bytes(lambda chosen: trainers["disk", 1]._loss(made, store.batch(chosen)), longest, 8)
    monkeypatch.setattr(loop, "free_bytes", lambda _: 0.7 * needed)
    trainers["disk", 2].check_memory()  # half of the batch at a time fits
    with pytest.raises(
        LoopError,
        match=r"A batch of 8, 8 recordings at a time, does not fit the memory of cpu: it takes at least [\d.]+ MB",
    ) as told:
        trainers["disk", 1].train()
    assert str(told.value).endswith("please choose a smaller --batch-size, or more parts with --accumulate.")
    with pytest.raises(LoopError, match="with --accumulate, or --states disk."):
        trainers["live", 1].train()
    assert trainers["disk", 1].step == 0


def test_what_an_update_keeps_grows_by_the_recording_and_counts_weights_once() -> None:
    weights = torch.ones(50, requires_grad=True)  # 200 bytes
    needed = update_bytes(lambda chosen: (torch.ones(len(chosen), 50) * weights * weights).sum(), np.array([4, 2]), 10)
    assert needed == 200 + 10 * (200 + 200)  # of each recording, what is multiplied twice


def test_states_computed_live_are_those_on_disk(backbone: Backbone, spoken: Path, store: StateStore) -> None:
    live = LiveStates(backbone, read_manifest(spoken))
    assert (live.tokens, live.speakers, live.cohorts) == (store.tokens, store.speakers, store.cohorts)
    assert np.array_equal(live.lengths, store.lengths)
    kept, now = store.batch([3, 9]), live.batch([3, 9])
    n = int(store.lengths[3])
    assert torch.allclose(kept.states[0, :n], now.states[0, :n], atol=5e-3, rtol=2e-3)
    assert torch.allclose(kept.statistics, now.statistics, atol=5e-3, rtol=2e-3)
    assert torch.allclose(live.statistics([3, 9]), now.statistics, atol=1e-4)
    assert now.chosen.tolist() == kept.chosen.tolist() == [3, 9]
    twice = live.batch([9, 3, 9])
    assert twice.chosen.tolist() == [9, 3, 9] and torch.equal(twice.states[0], twice.states[2])


def test_log_mel_is_cut_to_the_longest_of_the_batch(backbone: Backbone, spoken: Path, tmp_path: Path) -> None:
    rows = read_manifest(spoken)
    states = StateStore.build(backbone, rows, tmp_path / "states")
    store = LogMelStore(backbone, rows, states)
    batch = store.batch([3, 9])
    assert batch.states.shape[2] == 2 * int(store.lengths[[3, 9]].max())
    whole = backbone.log_mel([load_audio(rows[i].path) for i in (3, 9)])
    assert torch.allclose(batch.states, whole[:, :, : batch.states.shape[2]], atol=2e-3)  # kept in half precision
    again = LogMelStore(backbone, rows, states).batch([3, 9])  # from the file
    assert torch.equal(again.states, batch.states) and again.tokens == states.batch([3, 9]).tokens
    assert torch.equal(batch.statistics, states.statistics([3, 9]))  # at the same positions as the kept states
    with pytest.raises(StoreError, match="The encoder states that are kept do not belong to these recordings"):
        LogMelStore(backbone, rows[1:], states)


def test_states_go_on_with_recordings_that_lie_elsewhere_now(backbone: Backbone, spoken: Path, tmp_path: Path) -> None:
    gone = ManifestRow("gone.wav", tmp_path / "gone.wav", "mee", "s9", "typical")
    rows = [gone, *read_manifest(spoken)[:3]]
    kept = LogMelStore(backbone, rows, StateStore.build(backbone, rows, tmp_path / "states")).batch([0, 2])
    shutil.copytree(spoken.parent, tmp_path / "moved")
    moved = [replace(row, path=tmp_path / "moved" / row.path.relative_to(spoken.parent)) for row in rows[1:]]
    states = StateStore.build(backbone, [gone, *moved], tmp_path / "states")
    assert states.paths == [str(row.path) for row in moved]
    assert torch.equal(LogMelStore(backbone, [gone, *moved], states).batch([0, 2]).states, kept.states)
    index = json.loads((tmp_path / "states" / "index.json").read_text())
    del index["rows"]  # as stores were before
    (tmp_path / "states" / "index.json").write_text(json.dumps(index))
    assert StateStore.build(backbone, rows, tmp_path / "states").paths == [str(row.path) for row in rows[1:]]


def test_a_card_counts_what_was_trained_on(backbone: Backbone, spoken: Path, store: StateStore) -> None:
    rows = [ManifestRow("gone.wav", Path("gone.wav"), "mee", "s9"), *read_manifest(spoken)]
    training, validation = split_speakers(store, 0.2)
    counted = _trained_on(store, training, rows)
    assert len(counted) == len(training) and {row.speaker for row in counted} == {store.speakers[i] for i in training}
    assert len(_trained_on(LiveStates(backbone, rows), validation, rows)) == len(validation)
    elsewhere = [replace(row, path=Path("elsewhere") / row.file) for row in rows]
    assert _trained_on(store, training, elsewhere) == elsewhere


def test_states_that_the_disk_has_no_room_for_are_refused(
    backbone: Backbone, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows = read_manifest(spoken)[:4]
    free = SimpleNamespace(free=10**9)
    monkeypatch.setattr("hyper.training.adaptation.live_states.shutil.disk_usage", lambda _: free)
    assert type(open_store(backbone, rows, tmp_path / "states", on_disk=True)) is StateStore
    assert "encoder states take 0.0 GiB, 1 GiB are free: kept on disk" in capsys.readouterr().out
    free.free = 10**4
    assert type(open_store(backbone, rows, tmp_path / "states", on_disk=True)) is StateStore  # they are there
    with pytest.raises(StoreError, match="0 GiB are free in .*: please name a --run folder with more room"):
        open_store(backbone, rows, tmp_path / "other", on_disk=True)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("asked", "why"),
    [(["--targets", "encoder.fc1"], "the encoder is adapted"), (["--lesson", "originals"], "--lesson originals")],
)
def test_live_states_are_refused_where_they_must_be_kept(
    asked: list[str], why: str, whisper_folder: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"train --base {whisper_folder} --data {spoken} --run {tmp_path / 'run'} --out {tmp_path / 'out'}"
    assert main([*command.split(), "--device", "cpu", "--states", "live", *asked]) == 1
    assert f"where {why}" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_silent_recording_is_left_out_of_a_live_batch(backbone: Backbone, spoken: Path, tmp_path: Path) -> None:
    save_audio(tmp_path / "silent.wav", np.zeros(SAMPLE_RATE, np.float32))
    silent = ManifestRow("silent.wav", tmp_path / "silent.wav", "mee", "s9", "typical", "", False)
    live = LiveStates(backbone, [silent, *read_manifest(spoken)[:2]])
    batch = live.batch([0, 1, 2])
    assert batch.chosen.tolist() == [1, 2] and len(batch.states) == len(batch.tokens) == 2
    again = replace(read_manifest(spoken)[-1], speaker="s9")
    rows = [silent, *read_manifest(spoken)[:2]]
    assert LiveStates(backbone, rows).batch([0]).chosen.tolist() == [1]  # the nearest
    assert LiveStates(backbone, [*rows, again]).batch([0, 0]).chosen.tolist() == [3]  # who is held out stays so
    with pytest.raises(StoreError, match=r"None of 2 recordings could be used; the first is silent\.wav"):
        LiveStates(backbone, [silent, silent]).batch([0])


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_manifest_of_nothing_usable_is_refused(on_disk: bool, backbone: Backbone, tmp_path: Path) -> None:
    lost = [ManifestRow("lost.wav", tmp_path / "lost.wav", "mee", "s9", "typical", "", False)]
    with pytest.raises(StoreError, match="None of 1 recordings .* 4 s or not usable.* lost.wav: There is no file "):
        open_store(backbone, lost, tmp_path / "states", on_disk)


def test_states_of_short_recordings_that_were_heard_otherwise_are_refused(
    backbone: Backbone, spoken: Path, tmp_path: Path
) -> None:
    rows = read_manifest(spoken)[:3]
    StateStore.build(backbone, rows, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps(index | {"heard_seconds": 0.5}))
    with pytest.raises(StoreError, match="short recordings that were heard in 0.5 s, not 0.8 s; choose another --run"):
        StateStore.build(backbone, rows, tmp_path)
    del index["heard_seconds"]  # as stores were before
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(RunError, match="is of another version. Delete it"):
        StateStore.build(backbone, rows, tmp_path)


@pytest.mark.parametrize(("free", "kind"), [(10**12, StateStore), (10**4, LiveStates)])
def test_states_stay_on_disk_where_there_is_room(
    free: int,
    kind: type,
    backbone: Backbone,
    spoken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "hyper.training.adaptation.live_states.shutil.disk_usage", lambda _: type("Usage", (), {"free": free})
    )
    assert type(open_store(backbone, read_manifest(spoken)[:4], tmp_path / "states")) is kind
    assert "encoder states take 0.0 GiB" in capsys.readouterr().out
    assert type(open_store(backbone, read_manifest(spoken)[:4], tmp_path / "asked", on_disk=False)) is LiveStates


@pytest.mark.parametrize("first", [True, False])
def test_a_run_goes_on_as_it_began_however_much_room_is_left(
    first: bool, backbone: Backbone, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, room = read_manifest(spoken)[:4], [10**12 if first else 10**4]
    usage = "hyper.training.adaptation.live_states.shutil.disk_usage"
    monkeypatch.setattr(usage, lambda _: type("Usage", (), {"free": room[0]}))
    kinds = [type(open_store(backbone, rows, tmp_path / "states"))]
    (tmp_path / "states" / "index.json").unlink(missing_ok=True)  # killed while the states were computed
    room[0] = 10**4 if first else 10**12
    kinds.append(type(open_store(backbone, rows, tmp_path / "states")))
    assert kinds == [StateStore if first else LiveStates] * 2


@pytest.mark.parametrize("generated", ["both", "nothing"])
def test_two_processes_train_one_hypernetwork(
    generated: str, spoken: Path, whisper_folder: Path, tmp_path: Path
) -> None:
    command = (
        f"-m hyper train --base {whisper_folder} --data {spoken} --device cpu --run {tmp_path / 'run'} "
        f"--out {tmp_path / 'out'} --updates 3 --batch-size 8 --generated {generated}"
    )
    port = str(29417 + (generated == "nothing"))
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    processes = []
    for rank in ("0", "1"):  # what a launcher does
        environment = {**os.environ, **together, "RANK": rank, "LOCAL_RANK": rank}
        processes.append(
            subprocess.Popen(
                [sys.executable, *command.split()],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    told = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert "on 2 x cpu" in told[0]
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "atypical_adapted" in entry] == [0, 3]
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_the_loss_reads_any_language_the_base_has(hub_backbone: Backbone) -> None:
    german, english = (ReferenceLoss(hub_backbone, code) for code in ("de", "en"))
    states = torch.randn(1, 20, hub_backbone.d_model, generator=torch.Generator().manual_seed(0))
    tokens = [hub_backbone.to_tokens("guten tag")]
    with torch.no_grad():
        assert float(german(states, tokens)) != pytest.approx(float(english(states, tokens)), rel=1e-6)


def test_each_recording_is_kept_as_its_own_window_gives_it(
    hub_backbone: Backbone, spoken: Path, tmp_path: Path
) -> None:
    """Recordings that need different windows, in one batch."""
    rows = read_manifest(spoken)[:2]
    long = np.concatenate([load_audio(rows[1].path)] * 3)
    save_audio(tmp_path / "long.wav", long)
    rows = [rows[0], replace(rows[1], path=tmp_path / "long.wav")]
    store = StateStore.build(hub_backbone, rows, tmp_path / "states")
    windows = [hub_backbone.window_samples(len(load_audio(row.path))) for row in rows]
    assert windows[0] < windows[1] < hub_backbone.extractor.n_samples
    for i, (row, window) in enumerate(zip(rows, windows, strict=True)):
        states = hub_backbone.encode(hub_backbone.log_mel([load_audio(row.path)], window))[-1, 0]
        n = int(store.lengths[i])
        assert torch.allclose(store.batch([i]).states[0, :n], states[:n], atol=5e-3, rtol=2e-3)


def test_the_loss_is_over_the_tokens_that_decoding_may_write(backbone: Backbone, store: StateStore) -> None:
    batch = store.batch([3, 9])
    suppressed = backbone.suppressed[-1]
    tokens = [batch.tokens[0], [*batch.tokens[1][:2], suppressed, *batch.tokens[1][2:]]]
    total = 0.0
    for states, text in zip(batch.states, tokens, strict=True):  # each alone, without padding
        sequence = torch.tensor([[*backbone.prompt(), *text, backbone.end_token]])
        with torch.no_grad():
            hidden = backbone.model.model.decoder(sequence[:, :-1], encoder_hidden_states=states[None])
            scores = backbone.model.proj_out(hidden.last_hidden_state)[0].index_fill(
                1, torch.tensor(backbone.suppressed), -torch.inf
            )
        for position, token in enumerate([*text, backbone.end_token], start=len(backbone.prompt()) - 1):
            if token != suppressed:
                total -= float(scores[position].log_softmax(0)[token])
    with torch.no_grad():
        assert float(ReferenceLoss(backbone, "en")(batch.states, tokens)) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("kept", [True, False])
def test_only_recordings_that_are_left_out_are_told(
    kept: bool, backbone: Backbone, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_manifest(spoken)
    open_store(backbone, rows, tmp_path / "whole", kept)
    assert "left out" not in capsys.readouterr().out
    n_samples = round((backbone.window_seconds + 0.2) * SAMPLE_RATE)  # so much is taken of what is transcribed alone
    save_audio(tmp_path / "long.wav", np.random.default_rng(0).uniform(-0.1, 0.1, n_samples).astype(np.float32))
    unusable = [replace(rows[0], file=name, path=tmp_path / name) for name in ("gone.wav", "long.wav")]
    open_store(backbone, [*rows, *unusable], tmp_path / "less", kept)
    told = capsys.readouterr().out
    assert f"left out 2 of {len(rows) + 2} recordings: over " in told
    assert "s or not usable (1 of them missing); the first is gone.wav: There is no file " in told


def test_a_file_where_the_hypernetwork_would_be_written_is_told_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("notes")
    for out in (tmp_path / "file", tmp_path / "file" / "hypernet"):
        assert main(["train", "--data", str(tmp_path / "never-read.csv"), "--out", str(out)]) == 1
        told = f"--out is {out}, but {tmp_path / 'file'} is a file; please name a folder for the hypernetwork."
        assert told in capsys.readouterr().err
