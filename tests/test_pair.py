"""One command from recordings to a pair: what it says of the data, how it deals, that it goes on, what it writes."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import app
from hyper.__main__ import main
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.transcript import Transcript
from hyper.model.backbone import Backbone
from hyper.model.hypernet import HyperNetwork
from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.study.methods.method import Method, Workshop
from hyper.study.pair import estimate, look
from hyper.study.pair.candidates import CANDIDATES, best, tried
from hyper.study.pair.judged import judge
from hyper.study.pair.measured import Findings, limit_lines, measured_lines, score_test
from hyper.study.pair.options import PairError, PairOptions
from hyper.study.pair.parts import parts_text, sizes, split
from hyper.study.pair.strength import best_strength, helps, rates_text, validation_rates
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining, DivergedError

WORDS = "mee nah soo tee lah".split()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, speech_like: Callable[..., np.ndarray]) -> Path:
    """A folder of recordings beside text files, a folder for each of twelve speakers; three of them are no good."""
    folder = tmp_path_factory.mktemp("clinic")
    for i in range(12):
        own = folder / f"p{i:02}"
        save_audio(own / "1.wav", speech_like(1.0 + i / 12, seed=i))
        (own / "1.txt").write_text(" ".join(WORDS[(i + k) % 5] for k in range(3)))
    (folder / "p01" / "2.wav").write_bytes((folder / "p01" / "1.wav").read_bytes())
    save_audio(folder / "p02" / "2.wav", speech_like(5.0))  # the window is 4 s
    save_audio(folder / "p03" / "2.wav", speech_like(1.0))
    for name in ("p01", "p02"):
        (folder / name / "2.txt").write_text("mee")
    return folder


def pair(base: Path, data: Path, out: Path, *more: str) -> int:
    command = f"pair {base} --data {data} --out {out} --updates 4 --batch-size 4 --workers 1 --device cpu"
    return main([*command.split(), *more])


@pytest.fixture(scope="module")
def made(
    clinic: Path, whisper_folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys_of_module: Callable[[], str]
) -> tuple[Path, str]:
    """A pair of simulated patients, and all that was printed."""
    out = tmp_path_factory.mktemp("pair") / "out"
    capsys_of_module()
    assert pair(whisper_folder, clinic, out, "--simulate") == 0
    return out, capsys_of_module()


@pytest.fixture(scope="module")
def capsys_of_module(request: pytest.FixtureRequest) -> Callable[[], str]:
    """What was printed since it was last asked."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    return lambda: capture.read_global_capture().out


def test_the_recordings_are_told_as_a_table(made: tuple[Path, str]) -> None:
    _, said = made
    assert "plain: Folder of recordings beside .txt files; 15 recordings" in said
    assert "licence: not said by the list; consent: the files do not say; ask the speakers" in said
    assert "all that can be used          12   0.00        12" in said
    assert "1 listed before, byte for byte the same; the first is" in said
    assert "1 longer than the 4 s that this Whisper hears at once" in said
    assert "1 without a text" in said
    assert "a SIMULATED patient is made of each speaker" in said


def test_no_speaker_is_in_two_parts(made: tuple[Path, str]) -> None:
    out, said = made
    speakers = {
        part: {row.speaker for row in read_manifest(out / "data" / f"{part}.csv")}
        for part in ("train", "validation", "test")
    }
    assert [len(own) for own in speakers.values()] == [5, 3, 4]
    assert len(set.union(*speakers.values())) == 12
    assert "the test has 4 patients; with 5 or more its figures would have an interval" in said
    assert "train       5 recordings of 5 speakers, 5 of them typical" in said
    heard = read_manifest(out / "data" / "simulated" / "manifest.csv")
    unheard = read_manifest(out / "data" / "simulated-test" / "manifest.csv")
    assert {row.speaker.rsplit("-", 1)[0] for row in unheard} == speakers["test"]
    ways = [{row.note for row in rows} for rows in (heard, unheard)]
    assert not set.intersection(*ways) and all(row.simulated for row in [*heard, *unheard])


def test_the_estimate_comes_before_the_work(made: tuple[Path, str]) -> None:
    out, said = made
    order = [said.index(name) for name in ("[data]", "[estimate]", "[simulated]", "[trial-decoder-w1]", "[train]")]
    assert order == sorted(order)
    plan = json.loads((out / "plan.json").read_text())
    assert set(plan["seconds"]) >= {"simulated patients", "encoder states", "trials", "training"}
    assert "3 trials of 1 updates, then 4 updates of 4 recordings" in said
    states = sum((out / "work" / "states" / name).stat().st_size for name in ("states.f16", "statistics.f16"))
    assert states < plan["disk_bytes"] < 100e6 and "were expected" in said


def test_the_estimate_counts_that_patients_speak_longer(
    made: tuple[Path, str], clinic: Path, whisper_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = json.loads((made[0] / "work" / "states" / "index.json").read_text())
    trained = dict(zip(index["paths"], index["lengths"], strict=True))
    longest_heard = max(length for path, length in trained.items() if "simulated" not in path)
    measured: list[int] = []
    monkeypatch.setattr(AdaptationTrainer, "check_memory", lambda self: measured.append(self.store.lengths.max()))
    assert pair(whisper_folder, clinic, tmp_path / "out", "--simulate", "--dry-run") == 0
    assert longest_heard < max(trained.values()) <= min(measured)


def test_the_last_line_starts_the_pair(made: tuple[Path, str], clinic: Path) -> None:
    out, said = made
    python, script, *arguments = shlex.split(said.strip().splitlines()[-1])
    assert (python, script) == ("python", "app.py")
    args = app.parse(arguments)
    asr = PersonalizedAsr.load(args.base, args.hypernet, device="cpu")
    comparison = asr.compare(clinic / "p00" / "1.wav", "mee nah soo")
    assert comparison.hypernetwork == "hypernet" and all(layer.frobenius > 0 for layer in comparison.layers)
    strengths = json.loads((out / "results" / "strength.json").read_text())
    chosen = best_strength({float(strength): rates for strength, rates in strengths.items()})
    trained_alpha = asr.hypernet.config.rank
    assert asr.hypernet.config.alpha == pytest.approx(chosen * trained_alpha)  # 1 on the page is what was chosen


def test_the_card_and_the_scores_say_simulated(made: tuple[Path, str]) -> None:
    out, said = made
    card = (out / "hypernet" / "README.md").read_text()
    assert "Every atypical recording is simulated" in card and "No patient was recorded" in card
    assert "| simulated atypical speech | 4 |" in card and "| typical speech | 4 |" in card
    assert "The test has fewer than 5 atypical speakers" in card and "in the language 'en'" in card
    assert "Loss on speakers held out" in card and "- atypical, adapted:" in card
    for row in (line for line in card.splitlines() if "dysarthria" in line or "stuttering" in line):
        assert "simulated" in row
    assert "simulated atypical speech: base " in said and "\ntypical speech: base " in said
    assert "not calibrated:" in said and "not calibrated:" in card  # twelve words are too few
    test = json.loads((out / "results" / "test.json").read_text())
    assert set(test["kinds"]) == {"atypical", "typical"} and len(test["utterances"]) == 8


def test_a_candidate_that_diverges_is_told_and_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: object) -> None:
        raise DivergedError("The loss is nan.")

    workshop = Workshop(None, (), (), tmp_path, AdaptationTraining(updates=1))
    ends = {"decoder-w1": (0, 0.1), "decoder": (4, 0.3), "encoder-decoder": (4, 0.2)}  # last update, loss there
    for name, (step, loss) in ends.items():
        (tmp_path / name / "trial").mkdir(parents=True)
        entry = {"step": step, "atypical_adapted": loss, "atypical_base": 0.4}
        (tmp_path / name / "trial" / "log.jsonl").write_text(json.dumps(entry) + "\n")
    assert best(workshop, 4) == "encoder-decoder"  # the first has the lowest loss, but never came to its end
    with pytest.raises(PairError, match="Training diverged in every trial"):
        best(workshop, 5)
    monkeypatch.setattr(Method, "store", lambda *_: None)
    monkeypatch.setattr(Method, "fit", diverge)
    assert tried(workshop, CANDIDATES[0], 4).endswith("as in the paper: left out. The loss is nan.")


def test_what_is_done_is_not_done_again(
    made: tuple[Path, str],
    clinic: Path,
    whisper_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, _ = made
    for name in ("score", "card"):
        (out / "steps" / f"{name}.json").unlink()
    monkeypatch.setattr(Method, "fit", lambda *_: pytest.fail("it trained again"))
    assert pair(whisper_folder, clinic, out, "--simulate") == 0
    said = capsys.readouterr().out
    assert said.count("done before") == 11 and "all that can be used" in said
    assert "[score] score on the test speakers" in said
    assert pair(whisper_folder, clinic, out, "--simulate", "--seed", "1") == 1
    assert "was asked for; choose another folder" in capsys.readouterr().err


def test_a_finished_pair_does_not_need_its_runs(
    made: tuple[Path, str], clinic: Path, whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(made[0], out)
    shutil.rmtree(out / "work")
    assert pair(whisper_folder, clinic, out, "--simulate") == 0
    assert capsys.readouterr().out.rstrip().endswith(f"--hypernet {out / 'hypernet'}")


def test_a_dry_run_leaves_nothing(
    clinic: Path, whisper_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    before = sorted(clinic.rglob("*"))
    command = f"pair {whisper_folder} --data {clinic} --out {tmp_path / 'out'} --cohort dysarthria --dry-run"
    assert main([*command.split(), "--hours", "0.01", "--batch-size", "4", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "dysarthria" in said and "there is no typical speech (--typical adds some)" in said
    assert said.rstrip().endswith("nothing is left of it") and "together" in said
    assert not (tmp_path / "out").exists() and not list((tmp_path / "tmp").iterdir())
    assert sorted(clinic.rglob("*")) == before


def test_a_mistyped_option_does_not_hold_the_folder(
    clinic: Path, whisper_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(look, "check_room", lambda *_, **__: pytest.fail("it is looked at"))
    assert pair(whisper_folder, tmp_path / "nowhere", tmp_path / "out", "--simulate") == 1
    assert "There is no manifest and no folder" in capsys.readouterr().err
    with pytest.raises(pytest.fail.Exception, match="it is looked at"):
        pair(whisper_folder, clinic, tmp_path / "out", "--simulate")
    assert pair(whisper_folder, clinic, tmp_path / "out", "--simulate", "--seed", "1") == 1
    assert "seed 0, but 1 was asked for" in capsys.readouterr().err


def test_what_lies_at_a_place_is_known_again(clinic: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    shutil.copytree(clinic, folder)
    options = PairOptions("bundled", folder, folder / "out", None, "", True, False, 1, None, 1, 1, "en", 0, 1, None)
    before = look.made_with(options)
    for file in (folder / ".hidden", folder / "out" / "steps" / "data.json"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    assert look.made_with(options) == before and before["recordings"].startswith("29 (")
    (folder / "p01" / "2.txt").write_text("mee nah")
    corrected = look.made_with(options)
    assert corrected["recordings"] != before["recordings"]
    (folder / "manifest.csv").write_text("file,reference\np01/2.wav,mee\n")
    listed = look.made_with(options)
    (folder / "manifest.csv").write_text("file,reference\np01/2.wav,nah\n")
    assert look.made_with(options)["recordings"] != listed["recordings"] != corrected["recordings"]


def rows_of(cohorts: dict[str, str], folder: Path = Path()) -> list[ManifestRow]:
    return [ManifestRow(f"{name}.wav", folder / f"{name}.wav", "mee", name, cohort) for name, cohort in cohorts.items()]


@pytest.mark.parametrize(("n_typical", "is_told"), [(0, False), (2, True), (3, False)])
def test_too_few_typical_speakers_are_told(n_typical: int, is_told: bool) -> None:
    cohorts = {f"d{i}": "dysarthria" for i in range(8)} | {f"t{i}": "typical" for i in range(n_typical)}
    told = parts_text(split(rows_of(cohorts), False, 0), False)
    assert ("harms typical speech will not be known: its speakers are too few; with 3 or more" in told) == is_told


def test_typical_speakers_are_counted_and_not_their_recordings() -> None:
    rows = rows_of({"a": "typical", "b": "typical", "c": "dysarthria"})
    told = parts_text({"train": [*rows, *rows, replace(rows[1], cohort="dysarthria")], "test": rows[2:]}, False)
    assert told.startswith("train       7 recordings of 3 speakers, 1 of them typical\n")  # b is heard both ways


def test_cohorts_are_spread_over_the_parts() -> None:
    cohorts = {f"d{i:02}": "dysarthria" for i in range(40)} | {f"s{i:02}": "stuttering" for i in range(20)}
    rows = rows_of(cohorts | {f"t{i}": "typical" for i in range(10)})
    parts = split(rows, False, 0)
    counts = {name: Counter(row.cohort for row in own) for name, own in parts.items()}
    assert sizes(60) == (9, 9) and sizes(15) == (5, 3) and sizes(6) == (2, 1) and sizes(1) == (0, 0)
    held = counts["test"] + counts["validation"]
    assert 11 <= held["dysarthria"] <= 13 and 5 <= held["stuttering"] <= 7 and held["typical"] == 5
    assert parts == split(rows, False, 0) != split(rows, False, 1)
    twice = [*rows, replace(rows[0], file="x.wav", cohort="typical")]  # a patient's typical recording stays with them
    assert sum(rows[0].speaker in {row.speaker for row in own} for own in split(twice, False, 0).values()) == 1


@pytest.mark.parametrize(("name", "value"), [("updates", 0), ("batch_size", 0), ("accumulate", 0), ("seed", -1)])
def test_a_program_is_told_which_number_is_too_small(name: str, value: int, tmp_path: Path) -> None:
    made = PairOptions("bundled", tmp_path, tmp_path, None, "", True, False, 1, None, 1, 1, "en", 0, 1, None)
    with pytest.raises(PairError, match=f"`{name}` is {value}, but it must be at least"):
        replace(made, **{name: value})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--hours", "nan"], "`hours` is nan, but training takes more than 0"),
        (["--accumulate", "3"], "A batch of 32 cannot be computed in 3 equal parts"),
        (["--simulate", "--typical", "x.csv"], "please leave --typical out"),
        (["--data", "nowhere"], "There is no manifest and no folder at nowhere"),
        (["--data", "DATA"], "say whose they are with --cohort NAME, or make patients of them with --simulate"),
        (
            ["--data", "DATA", "--cohort", "als", "--simulate"],
            "no typical speech; --simulate makes patients of typical",
        ),
    ],
)
def test_what_cannot_be_a_pair_is_one_sentence(
    options: list[str], told: str, clinic: Path, whisper_folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    options = [str(clinic) if option == "DATA" else option for option in options]
    data = [] if "--data" in options else ["--data", str(clinic)]
    assert main(["pair", str(whisper_folder), *data, *options, "--dry-run"]) == 1
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1


def test_too_few_speakers_are_told_with_the_table(
    clinic: Path, whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [clinic / f"p{i:02}" / "1.wav" for i in range(4)]
    rows = [ManifestRow(str(path), path, "mee", path.parent.name, "als") for path in few]
    write_manifest(tmp_path / "few.csv", [*rows, replace(rows[0], file="gone.wav"), replace(rows[1], speaker="")])
    assert pair(whisper_folder, tmp_path / "few.csv", tmp_path / "out", "--typical", str(clinic)) == 1
    out, err = capsys.readouterr()
    assert "Only 4 speakers whose speech is not typical" in err and "but 6 or more are wanted" in err
    assert "1 unreadable: missing, empty, damaged or no sound; the first is" in out and "1 without a speaker: " in out


def test_recordings_are_judged(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> None:
    save_audio(tmp_path / "a.wav", speech_like(1.0))
    save_audio(tmp_path / "b.wav", speech_like(0.1))
    (tmp_path / "c.wav").write_bytes(b"no sound")
    rows = rows_of({"a": "als", "b": "als", "c": "als"}, tmp_path)
    judged = judge([*rows, replace(rows[0], reference="")], 30.0)
    assert [row.file for row in judged.rows] == ["a.wav"] and judged.seconds == [1.0]
    assert {told.split()[0] for told in judged.problems} == {"shorter", "unreadable:", "without"}


def test_a_full_disk_and_a_small_device_are_told(
    clinic: Path, whisper_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(estimate.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        assert pair(whisper_folder, clinic, tmp_path / "out", "--simulate", "--dry-run") == 1
    assert "please name an --out with more room" in capsys.readouterr().err

    def out_of_memory(*_: object) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(AdaptationTrainer, "_backward", out_of_memory)
    assert pair(whisper_folder, clinic, tmp_path / "out", "--simulate", "--dry-run") == 1
    assert "does not fit the memory of cpu; please choose a smaller --batch-size" in capsys.readouterr().err


def test_limits_follow_from_what_was_measured(tmp_path: Path) -> None:
    rates = {0.0: {"atypical": 0.5}, 1.0: {"atypical": 0.6}}
    options = SimpleNamespace(simulate=False, language="de")
    group = {"n_simulated": 0, "n_utterances": 90, "n_speakers": 9, "base_wer": 0.1, "adapted_wer": 0.2}
    group |= {"relative_reduction_interval": [-1.5, 0.1]}

    def told(**kinds: dict) -> str:
        (tmp_path / "test.json").write_text(json.dumps({"kinds": kinds}))
        return "\n".join(limit_lines(tmp_path, Findings(rates, "", ""), options))

    alone = told(atypical=group)
    assert "adapting made no fewer errors than the base at any strength" in alone
    assert "On atypical speech it is not shown that adapting removes errors." in alone
    assert "No typical speech was tested" in alone and "'de'" in alone and "simulated" not in alone
    sure = group | {"relative_reduction_interval": [0.1, 0.3], "adapted_wer": 0.05, "n_speakers": 2}
    both = told(atypical=sure, typical=group)
    assert "not shown" not in both and "It makes more errors than the base in typical speech." in both
    mixed = told(atypical=group | {"n_simulated": 30})
    assert "30 of the 90 atypical test recordings are simulated" in mixed and "On partly simulated atypical" in mixed
    assert "fewer than 5 atypical speakers" in both and "fewer than 5 typical" not in both


@pytest.mark.parametrize(
    ("adapted", "said"),
    [
        (0.4, "Strength 1 is 0.5 times the update that was trained: validation speakers were understood best so."),
        (0.5, "Strength 1 is 0.5 times the update that was trained. No strength that was tried helped validation"),
        (0.6, "Strength 1 is 0.5 times the update that was trained. No strength that was tried helped validation"),
    ],
)
def test_the_card_says_of_a_strength_whether_it_helped(tmp_path: Path, adapted: float, said: str) -> None:
    (tmp_path / "test.json").write_text(json.dumps({"kinds": {}, "groups": []}))
    rates = {0.0: {"atypical": 0.5}, 0.5: {"atypical": adapted}, 1.0: {"atypical": 0.7}}
    told = [line for line in measured_lines(tmp_path, Findings(rates, "", "")) if line.startswith("Strength")]
    assert len(told) == 1 and told[0].startswith(said) and ("best" in told[0]) is (adapted < 0.5)


def test_recordings_that_vanish_on_the_way_are_told(
    backbone: Backbone, make_hypernet: Callable[..., HyperNetwork], tmp_path: Path
) -> None:
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
    rows = rows_of({"a": "als", "b": "typical"}, tmp_path)
    with pytest.raises(PairError, match="No validation recording has a word to count, so no strength can be chosen"):
        validation_rates(asr, rows, "en")
    with pytest.raises(PairError, match="None of the 2 test recordings could be scored; are their files still there"):
        score_test(asr, rows, "en", tmp_path)


def test_validation_words_are_counted_in_the_language_that_was_spoken(tmp_path: Path) -> None:
    save_audio(tmp_path / "a.wav", 0.3 * np.sin(np.arange(16_000) / 9))
    row = ManifestRow("a.wav", tmp_path / "a.wav", "um drei", cohort="als")
    heard = Transcript("um drei uhr", (1,), (-0.1,), "end", 0.0)
    asr = SimpleNamespace(
        backbone=SimpleNamespace(device=torch.device("cpu")),
        prepare_many=lambda waveforms, *_: waveforms,
        decode_rows=lambda waveforms, rows, *_: [[heard] * len(rows) for _ in waveforms],
    )
    assert {validation_rates(asr, [row], language)[1.0]["atypical"] for language in ("de", "en")} == {0.5, 1.0}


def test_a_strength_that_helps_nobody_is_said() -> None:
    better = {0.0: {"atypical": 0.5, "typical": 0.1}, 0.5: {"atypical": 0.3, "typical": 0.1}, 1.0: {"atypical": 0.4}}
    assert best_strength(better) == 0.5 and helps(better)
    tied = {0.0: {"atypical": 0.5}, 0.5: {"atypical": 0.6}, 1.25: {"atypical": 0.6}}
    assert best_strength(tied) == 1.25 and not helps(tied)
    assert "adapting did not help the validation speakers at any strength" in rates_text(tied)
