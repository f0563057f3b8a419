"""Whole training runs in miniature: what they learn, that they resume, that what they write loads beside its base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

import app
from hyper.__main__ import main
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.model.shapes import randomise
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import read_manifest, write_manifest
from hyper.recordings.parallel import parallel
from hyper.training.adaptation import loop
from hyper.training.adaptation.states import StateStore, StoreError
from hyper.training.base import features, real_speech
from hyper.training.base.real_speech import PERSON, align_rows
from hyper.training.base.settings import BaseTraining, TrainingError, going_on
from hyper.training.base.small_whisper import BaseSize, StartError, size_of
from hyper.training.base.teacher_states import TeacherStates
from hyper.training.base.trainer import BaseTrainer, load_listener
from hyper.training.begun_with import RunError
from hyper.training.progress import set_rate
from tests.spoken import in_this_process, say

TINY = BaseSize(d_model=64, encoder_layers=1, decoder_layers=1, vocabulary=260)


@pytest.fixture(scope="module", autouse=True)
def no_workers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (features, real_speech):
            patch.setattr(module, "parallel", in_this_process)
        yield


def test_a_base_learns_resumes_and_loads(spoken: Path, tmp_path: Path) -> None:
    settings = BaseTraining(hours=4 / 3600, batch_size=4, warm_up=5)
    trainer = BaseTrainer([spoken], tmp_path / "run", settings, TINY, 1)
    batch = trainer._pool(False)
    tokens = trainer._tokens(batch)
    drawn = batch.draw(8, 0.0, np.random.default_rng(0))
    texts = [tokens[i] for i in drawn.utterances]
    before = float(trainer._losses(drawn, texts)["text"].detach())
    trainer.train()
    after = float(trainer._losses(drawn, texts)["text"].detach())
    assert after < before - 0.5
    trained = trainer.step

    longer = BaseTrainer([spoken], tmp_path / "run", replace(settings, hours=5 / 3600), TINY, 1)
    assert longer.step == trained
    assert torch.equal(longer.model.proj_out.weight, trainer.model.proj_out.weight)
    longer.train()
    assert longer.step > trained

    longer.export(tmp_path / "whisper")
    backbone = Backbone.load(tmp_path / "whisper", device="cpu")
    assert backbone.window_seconds == 10
    waveform, _ = say("mee nah soo", 1)
    (pair,) = PersonalizedAsr(backbone, None, None).transcribe_pairs([waveform])
    assert pair.adapted is None
    assert set(pair.base.text) <= set("abcdefghijklmnopqrstuvwxyz' ")


def test_a_base_learns_texts_that_are_written_with_capitals(spoken: Path, tmp_path: Path) -> None:
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    write_manifest(tmp_path / "written.csv", [replace(row, reference=f"{row.reference.title()}.") for row in rows])
    settings = BaseTraining(hours=4 / 3600, batch_size=4, warm_up=5)
    trainers = [
        BaseTrainer([manifest], tmp_path / manifest.stem, settings, TINY, 1)
        for manifest in (spoken, tmp_path / "written.csv")
    ]
    plain, written = ((each._tokens(each._pool(False)), each.characters) for each in trainers)
    assert written == plain and len(plain[1]) == 20


def test_a_base_goes_on_from_a_trained_one(spoken: Path, tmp_path: Path) -> None:
    first = BaseTrainer([spoken], tmp_path / "first", BaseTraining(hours=1 / 3600, batch_size=4), TINY, 1)
    first.train()
    first.export(tmp_path / "base")
    assert size_of(tmp_path / "base") == TINY

    settings = going_on(BaseTraining(hours=1 / 3600, batch_size=4), tmp_path / "base")
    second = BaseTrainer([spoken], tmp_path / "second", settings, size_of(tmp_path / "base"), 1)
    assert second.step == 0
    assert second.tokenizer.get_vocab() == first.tokenizer.get_vocab()
    stored = first.model.model.encoder.conv1.weight.half().float()  # in half precision
    assert torch.equal(second.model.model.encoder.conv1.weight, stored)
    second.train()
    assert not torch.equal(second.model.model.encoder.conv1.weight, first.model.model.encoder.conv1.weight)
    load_listener(tmp_path / "second")


@pytest.fixture(scope="module")
def teacher_folder(whisper_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The random Whisper with the window of those that teach, 30 s."""
    folder = shutil.copytree(whisper_folder, tmp_path_factory.mktemp("teacher") / "whisper-random")
    extractor = WhisperFeatureExtractor(feature_size=80, chunk_length=30)
    extractor.save_pretrained(folder)
    config = WhisperConfig.from_pretrained(folder, max_source_positions=extractor.nb_max_frames // 2)
    model = WhisperForConditionalGeneration(config)
    randomise(model, seed=1)
    model.generation_config = GenerationConfig.from_pretrained(whisper_folder)
    model.save_pretrained(folder)
    return folder


def test_a_base_learns_what_its_teacher_hears(
    spoken: Path, teacher_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read_manifest(spoken)
    bare = [replace(row, phones="", file=str(row.path)) for row in rows[:10]]
    write_manifest(tmp_path / "bare.csv", bare)
    teacher = Backbone.load(teacher_folder, device="cpu")
    settings = BaseTraining(
        hours=6 / 3600, batch_size=4, warm_up=5, clean_until=0.01, real_share=1.0, teacher=str(teacher_folder),
        teacher_width=teacher.d_model,
    )  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(real_speech, "parallel", parallel)  # once by the workers themselves
        trainer = BaseTrainer([spoken, tmp_path / "bare.csv"], tmp_path / "run", settings, TINY, 1)
        pool = trainer._pool(True)
    drawn = pool.draw(8, 0.0, np.random.default_rng(0))
    assert drawn.teacher is not None and drawn.teacher.shape == (8, drawn.features.shape[2], teacher.d_model)
    assert bool(drawn.taught.any(dim=1).all())  # every recording is real speech here
    missing = [replace(row, path=tmp_path / "missing.wav") for row in bare]
    with pytest.raises(RunError, match="None of 10 recordings without phone times fits its text"):
        align_rows(missing, trainer.model, trainer.heads, trainer.mel, tmp_path / "none", 1)
    texts = [trainer._tokens(pool)[i] for i in drawn.utterances]
    before = float(trainer._losses(drawn, texts)["teacher"].detach())
    trainer.train()
    assert float(trainer._losses(drawn, texts)["teacher"].detach()) < before - 0.1
    trainer.export(tmp_path / "whisper")
    assert not [name for name in load_file(tmp_path / "whisper" / "model.safetensors") if "map" in name]
    load_listener(tmp_path / "run")


def test_people_with_phone_times_are_heard_from_the_start(spoken: Path, teacher_folder: Path, tmp_path: Path) -> None:
    rows = read_manifest(spoken)
    people = [replace(row, voice=PERSON, file=str(row.path)) for row in rows[:4]]
    write_manifest(tmp_path / "people.csv", people)
    d_teacher = Backbone.load(teacher_folder, device="cpu").d_model
    settings = BaseTraining(
        batch_size=4, real_share=0.5, teacher=str(teacher_folder), teacher_width=d_teacher, teaches_all=True,
        token_noise=0.5,
    )  # fmt: skip
    trainer = BaseTrainer([spoken, tmp_path / "people.csv"], tmp_path / "run", settings, TINY, 1)
    pool = trainer._pool(False)
    drawn = pool.draw(400, 0.0, np.random.default_rng(0))
    assert 0.35 < np.mean(np.array(drawn.utterances) >= len(rows)) < 0.65  # of people
    assert bool(drawn.taught.any(dim=1).all())
    inputs, _ = trainer._teacher(trainer._tokens(pool)[:4])
    noisy = trainer._with_noise(inputs)
    assert torch.equal(noisy[:, :2], inputs[:, :2])  # the prompt
    assert 0.2 < float((noisy[:, 2:] != inputs[:, 2:]).float().mean()) < 0.8


def test_a_teacher_of_other_states_is_refused(spoken: Path, whisper_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"whisper-random has 25 states a second; what teaches has 50, as every"):
        TeacherStates.build(str(whisper_folder), read_manifest(spoken)[:3], tmp_path / "teacher")
    assert not (tmp_path / "teacher").exists()


def test_a_teacher_is_asked_what_the_encoder_says(spoken: Path, hub_folder: Path, tmp_path: Path) -> None:
    rows = read_manifest(spoken)[:3]
    kept = TeacherStates.build(str(hub_folder), rows, tmp_path / "teacher").on(torch.device("cpu"))
    model = WhisperForConditionalGeneration.from_pretrained(hub_folder)
    extractor = WhisperFeatureExtractor.from_pretrained(hub_folder)
    positions, all_states = model.model.encoder.embed_positions.weight, []
    for row in rows:
        waveform = load_audio(row.path)
        features = extractor(waveform, sampling_rate=16000, return_tensors="pt").input_features
        features = features[:, :, : 2 * 100 * -(-(len(waveform) + 9600) // 32000)]
        model.model.encoder.embed_positions = torch.nn.Embedding.from_pretrained(positions[: features.shape[2] // 2])
        model.config.max_source_positions = model.model.encoder.max_source_positions = features.shape[2] // 2
        with torch.inference_mode():
            states = model.model.encoder(features).last_hidden_state[0]
        all_states.append(states[: -(-len(waveform) // 320)].numpy())
    everything = np.concatenate(all_states)
    for i, states in enumerate(all_states):
        wanted = (states - everything.mean(axis=0)) / everything.std(axis=0)
        own = kept.standardised(kept.frames[kept.first[i] :][: len(states)].float()).numpy()
        assert np.corrcoef(own.ravel(), wanted.ravel())[0, 1] > 0.995  # bfloat16 on the way
    with pytest.raises(StoreError, match="holds encoder states of other recordings"):
        TeacherStates.build(str(hub_folder), rows[:2], tmp_path / "teacher")
    silent = [replace(rows[0], path=tmp_path / "nothing.wav"), *rows[1:]]
    with pytest.raises(StoreError, match="The teacher hears 2 of 3 recordings; the others are too long for it or"):
        TeacherStates.build(str(hub_folder), silent, tmp_path / "other")


def test_a_base_goes_on_only_from_its_own_kind(whisper_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="holds no model to go on from"):
        size_of(tmp_path)
    with pytest.raises(StartError, match="goes on only from its own bases"):
        size_of(whisper_folder)


def test_a_base_without_phone_times_is_refused(spoken: Path, tmp_path: Path) -> None:
    rows = [replace(row, phones="") for row in read_manifest(spoken)]
    write_manifest(tmp_path / "bare.csv", rows)
    with pytest.raises(TrainingError, match="make-speech"):
        BaseTrainer([tmp_path / "bare.csv"], tmp_path / "run", BaseTraining(), TINY, 1)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no training run"):
        load_listener(tmp_path)


@pytest.fixture(scope="module")
def hypernet_run(spoken: Path, whisper_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command itself, for a few seconds, on the random Whisper; returns the folder of everything."""
    folder = tmp_path_factory.mktemp("hypernet")
    assert train(spoken, whisper_folder, folder, minutes="0.08") == 0
    return folder


def train(spoken: Path, base: Path, folder: Path, minutes: str) -> int:
    command = f"train --base {base} --data {spoken} --run {folder / 'run'} --out {folder / 'out'} --minutes {minutes}"
    return main([*command.split(), "--batch-size", "8", "--device", "cpu"])


def entries(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]


def test_a_hypernetwork_learns_from_base_exactly(hypernet_run: Path) -> None:
    logged = [entry for entry in entries(hypernet_run) if "atypical_adapted" in entry]
    first, last = logged[0], logged[-1]
    assert first["atypical_adapted"] == pytest.approx(first["atypical_base"])  # untrained is base
    assert last["atypical_base"] == pytest.approx(first["atypical_base"])  # the base is frozen
    assert last["atypical_adapted"] < first["atypical_adapted"] - 0.05


def test_a_hypernetwork_loads_beside_its_base(hypernet_run: Path, whisper_folder: Path) -> None:
    asr = PersonalizedAsr.load(whisper_folder, hypernet_run / "out", device="cpu")
    waveform, _ = say("mee nah soo", 1)
    comparison = asr.compare(waveform, "mee nah soo")
    assert comparison.hypernetwork == "out"
    assert all(layer.frobenius > 0 for layer in comparison.layers)
    card = (hypernet_run / "out" / "README.md").read_text()
    assert asr.backbone.body_fingerprint in card
    # One of five speakers is held out to validate on.
    assert "unnamed, simulated stuttering: 12 recordings of 4 speakers" in card
    assert "diagnosis" in card
    assert (hypernet_run / "run" / "curve.png").stat().st_size > 1000


def test_a_hypernetwork_run_resumes(hypernet_run: Path, spoken: Path, whisper_folder: Path) -> None:
    steps = max(entry["step"] for entry in entries(hypernet_run))
    assert train(spoken, whisper_folder, hypernet_run, minutes="0.1") == 0
    later = entries(hypernet_run)
    assert later[-1]["step"] > steps
    assert sum(entry["step"] == 0 for entry in later) == 1  # it did not start again


def test_a_hypernetwork_goes_on_from_a_trained_one(
    hypernet_run: Path, spoken: Path, whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learned = [entry for entry in entries(hypernet_run) if "atypical_adapted" in entry][-1]
    start, run = hypernet_run / "out", ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    command = ["train", "--base", str(whisper_folder), "--data", str(spoken), "--start", str(start), *run]
    assert main([*command, "--updates", "1", "--batch-size", "8", "--device", "cpu"]) == 0
    first = entries(tmp_path)[0]
    assert first["step"] == 0 and first["atypical_adapted"] == pytest.approx(learned["atypical_adapted"], abs=1e-4)
    before, after = load_file(start / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    assert before.keys() == after.keys()
    largest = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert 0 < largest < 1e-3  # one update of a warm-up from where the other ended, not weights drawn anew
    assert "went on from the hypernetwork with fingerprint" in (tmp_path / "out" / "README.md").read_text()
    assert main([*command, "--updates", "1", "--batch-size", "8", "--device", "cpu", "--keep", "0.25"]) == 0
    kept = load_file(tmp_path / "out" / "model.safetensors")  # of the same run, which was done
    assert all(torch.allclose(kept[name], 0.25 * before[name] + 0.75 * after[name]) for name in kept)
    assert "Of each weight 25 % is that hypernetwork's" in (tmp_path / "out" / "README.md").read_text()
    for more in (["--keep", "1"], ["--keep", "-0.5"]):
        assert main([*command, *more]) == 1
        assert f"--keep is {more[1]}; it is the share of the weights of --start that stays" in capsys.readouterr().err
    from_nothing = [word for word in command if word not in ("--start", str(start))]
    assert main([*from_nothing, "--keep", "0.5"]) == 1
    assert "--keep is 0.5; it is the share of the weights of --start" in capsys.readouterr().err
    assert main([*from_nothing, "--updates", "2", "--batch-size", "8", "--device", "cpu"]) == 1
    assert "was begun with start " in capsys.readouterr().err


def test_a_hypernetwork_that_ended_worse_than_its_base_says_so(
    spoken: Path,
    whisper_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(loop, "set_rate", lambda optimizer, rate: set_rate(optimizer, -rate))  # uphill
    command = f"train --base {whisper_folder} --data {spoken} --run {tmp_path / 'run'} --out {tmp_path / 'out'}"
    assert main([*command.split(), *"--updates 4 --batch-size 8 --learning-rate 0.1 --device cpu".split()]) == 0
    last = entries(tmp_path)[-1]
    assert last["atypical_adapted"] > last["atypical_base"]
    numbers = f"{last['atypical_adapted']:.3f} against {last['atypical_base']:.3f}"
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("On speakers held out its loss ended worse than the base's own: ") and numbers in said
    assert said in (tmp_path / "out" / "README.md").read_text()
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_states_of_another_base_are_refused(hypernet_run: Path, hub_like: Backbone) -> None:
    with pytest.raises(StoreError, match="encoder states of another base"):
        StateStore.build(hub_like, [], hypernet_run / "run" / "states")


@pytest.fixture(scope="module")
def hub_like(whisper_folder: Path) -> Backbone:
    """The same architecture with other weights."""
    backbone = Backbone.load(whisper_folder, device="cpu")
    backbone.fingerprint = "0" * 16
    return backbone


def test_cached_states_are_the_encoders_own(backbone: Backbone, spoken: Path, tmp_path: Path) -> None:
    store = StateStore.build(backbone, read_manifest(spoken), tmp_path)
    row = read_manifest(spoken)[3]
    waveform = load_audio(row.path)
    states = backbone.encode(backbone.log_mel([waveform]))[-1, 0]
    batch = store.batch([3])
    n_kept = int(store.lengths[3])
    assert n_kept == backbone.n_speech_states(len(waveform)) + 8
    assert torch.allclose(batch.states[0, :n_kept], states[:n_kept], atol=5e-3, rtol=1e-3)
    assert torch.equal(batch.states[0, n_kept:], batch.states[0, n_kept - 1].expand_as(batch.states[0, n_kept:]))
    assert backbone.to_text(batch.tokens[0]) == row.reference


def test_a_hub_whisper_gets_a_hypernetwork_of_its_own(spoken: Path, hub_folder: Path, tmp_path: Path) -> None:
    """The shape, format and vocabulary of openai/whisper-tiny with random weights, by the same command."""
    rows = [row for row in read_manifest(spoken) if row.cohort != "typical"][:8]
    write_manifest(spoken.parent / "few.csv", rows)
    command = f"train --base {hub_folder} --data {spoken.parent / 'few.csv'} --run {tmp_path / 'run'}"
    budget = "--updates 8 --batch-size 4 --device cpu --states live"
    assert main([*f"{command} --out {tmp_path / 'out'} {budget}".split()]) == 0
    logged = [entry for entry in entries(tmp_path) if "atypical_adapted" in entry]
    assert logged[-1]["step"] == 8 and logged[-1]["atypical_adapted"] < logged[0]["atypical_adapted"]
    asr = PersonalizedAsr.load(hub_folder, tmp_path / "out", device="cpu")
    comparison = asr.compare(rows[1].path, rows[1].reference)
    assert comparison.hypernetwork == "out" and comparison.generated_share < 0.001
    assert all(layer.frobenius > 0 for layer in comparison.layers)


def test_missing_references_are_refused(
    spoken: Path, whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_manifest(spoken)
    write_manifest(tmp_path / "some.csv", [replace(rows[0], reference=""), rows[1]])
    assert train(tmp_path / "some.csv", whisper_folder, tmp_path, "1") == 1
    assert "1 recordings have no reference" in capsys.readouterr().err


def test_encoder_targets_learn(spoken: Path, whisper_folder: Path, tmp_path: Path) -> None:
    """States that are kept were encoded without the update: training on them would leave it at zero."""
    arguments = [
        "train",
        "--base",
        whisper_folder,
        "--data",
        spoken,
        "--out",
        tmp_path / "out",
        "--run",
        tmp_path / "run",
    ]
    arguments += ["--targets", "encoder.fc1", "--updates", "3", "--batch-size", "4", "--device", "cpu"]
    assert main([*map(str, arguments)]) == 0
    asr = PersonalizedAsr.load(whisper_folder, tmp_path / "out", device="cpu")
    waveform, _ = say("mee nah soo", 1)
    assert all(layer.frobenius > 0 for layer in asr.compare(waveform).layers)


def test_learned_updates_of_the_whole_decoder_are_weighed(
    spoken: Path, whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the bundled hypernetwork: few numbers an utterance, the updates themselves learned."""
    command = f"train --base {whisper_folder} --data {spoken} --run {tmp_path / 'run'} --out {tmp_path / 'out'}"
    command += " --targets decoder --rank 2 --generated coefficients --updates 6 --batch-size 4 --device cpu"
    assert main([*command.split(), "--strength", "0.5"]) == 0
    started = app.parse(capsys.readouterr().out.splitlines()[-1].split()[2:])  # behind "python app.py"
    assert (started.base, started.hypernet) == (str(whisper_folder), str(tmp_path / "out"))
    asr = PersonalizedAsr.load(whisper_folder, tmp_path / "out", device="cpu")
    comparison = asr.compare(say("mee nah soo", 1)[0])
    assert comparison.generated_parameters == 2 * len(comparison.layers) == 2 * 10 * asr.backbone.n_decoder_layers
    assert asr.hypernet.config.alpha == 0.5 * 2  # strength 1 is half of what was trained with alpha as the rank
    assert comparison.shared_parameters == asr.hypernet.n_shared > 10 * comparison.generated_parameters
    assert all(layer.frobenius > 0 for layer in comparison.layers)
    assert (
        "how strongly each of 2 learned updates of rank 1 is applied in every matrix of the decoder"
        in (tmp_path / "out" / "README.md").read_text()
    )
