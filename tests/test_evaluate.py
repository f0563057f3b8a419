"""Scoring a manifest: pooling against jiwer, order, failures, groups and the two forms of the report."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import jiwer
import numpy as np
import pytest
import soundfile

from hyper.__main__ import main
from hyper.compare.evaluation import GroupError, table
from hyper.compare.scoring import score_manifest, score_parts
from hyper.compare.transcript import Pair
from hyper.recordings.manifest import ManifestRow
from hyper.reports.evaluate import EvaluationError, ReportFiles, evaluate

SENTENCES = [  # reference, what base hears, what adapted hears
    ("turn on the light", "turn on the night", "turn on the light"),
    ("call my sister", "call call my sister", "call my sister"),
    ("please open the kitchen window before i come home", "please open the kitchen window before i go home", "open it"),
    ("good morning", "bad evening sir", "good evening"),
    ("stop", "stop", "shop"),
]


class FakeAsr:
    """Knows a recording by its number of samples and says what the table above says."""

    base_model = "fake-whisper"
    hypernetwork = "fake-hypernet"
    device = "cpu"
    fingerprint = "0123456789abcdef"

    def __init__(self, heard: dict[int, tuple[str, str | None]]):
        self.heard = heard
        self.batches: list[list[int]] = []

    def doubts(self, *_: object, **__: object) -> tuple[()]:
        """All of it is reliable."""
        return ()

    def prefers(self, *_: object) -> None:
        """No rule was fitted."""

    def transcribe_pairs(self, waveforms, batch_size, **_):
        self.batches.append([len(waveform) for waveform in waveforms])
        pairs = []
        for waveform in waveforms:
            base, adapted = self.heard[len(waveform)]
            pairs.append(Pair(said(base), None if adapted is None else said(adapted)))
        return pairs


def said(text):
    stopped = "repetition" if text.endswith("~") else "end"
    return SimpleNamespace(text=text, stopped=stopped, log_probs=(), no_speech_prob=None, silent_seconds=0.0)


def recordings(folder, sentences, **columns):
    """A WAV of its own length for each sentence, longest first, with its manifest row."""
    rows, heard = [], {}
    for i, (reference, base, adapted) in enumerate(sentences):
        n_samples = 16_000 - 320 * i
        waveform = np.random.default_rng(i).uniform(-0.5, 0.5, n_samples)
        soundfile.write(folder / f"{i}.wav", waveform, 16_000)
        extra = {name: values[i] for name, values in columns.items()}
        rows.append(ManifestRow(f"{i}.wav", folder / f"{i}.wav", reference, **extra))
        heard[n_samples] = (base, adapted)
    return rows, FakeAsr(heard)


def test_pooled_rates_equal_jiwer_over_all_sentences_at_once(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES)
    group = score_manifest(asr, rows).group("all", "all").to_json()
    references, base, adapted = (list(column) for column in zip(*SENTENCES, strict=True))
    assert group["base_wer"] == pytest.approx(jiwer.wer(references, base))
    assert group["adapted_wer"] == pytest.approx(jiwer.wer(references, adapted))
    assert group["base_cer"] == pytest.approx(jiwer.cer(references, base))
    assert group["adapted_cer"] == pytest.approx(jiwer.cer(references, adapted))
    assert group["relative_reduction"] == pytest.approx(
        1 - jiwer.wer(references, adapted) / jiwer.wer(references, base)
    )
    assert (group["n_utterances"], group["n_words"]) == (5, sum(len(text.split()) for text in references))
    mean_of_utterances = np.mean([jiwer.wer(r, h) for r, h in zip(references, base, strict=True)])
    assert abs(group["base_wer"] - mean_of_utterances) > 0.05  # or pooling was not tested


def test_few_waveforms_are_held_at_once_and_the_report_keeps_the_manifests_order(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES)
    evaluation = score_manifest(asr, rows, batch_size=1)
    assert [len(batch) for batch in asr.batches] == [4, 1]
    assert [(u.recording.file, u.base.text, u.adapted.text) for u in evaluation.utterances] == [
        (f"{i}.wav", base, adapted) for i, (_, base, adapted) in enumerate(SENTENCES)
    ]


def test_bad_files_are_listed_and_the_others_go_on(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES)
    (tmp_path / "1.wav").write_bytes(b"this is no sound")
    rows.insert(3, ManifestRow("gone.wav", tmp_path / "gone.wav", "hello"))
    evaluation = score_manifest(asr, rows)
    assert [failure.file for failure in evaluation.failures] == ["1.wav", "gone.wav"]
    assert all(failure.reason.endswith(".") for failure in evaluation.failures)
    assert [u.recording.file for u in evaluation.utterances] == ["0.wav", "2.wav", "3.wav", "4.wav"]
    assert [f["file"] for f in evaluation.to_json()["failures"]] == ["1.wav", "gone.wav"]


def test_json_speaks_the_one_vocabulary(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES[:1], cohort=["stuttering"], severity=["mild"], simulated=[True])
    report = json.loads(json.dumps(score_manifest(asr, rows).to_json(), allow_nan=False))
    assert report.keys() == {
        "base_model", "hypernetwork", "device", "language", "fingerprint", "utterances", "groups", "failures",
    }  # fmt: skip
    flags = report["utterances"][0].pop("flags")
    assert {row: [flag["name"] for flag in own] for row, own in flags.items()} == {  # the recording is steady noise
        "base": ["quiet"], "adapted": ["quiet"],
    }  # fmt: skip
    assert report["utterances"] == [
        {
            "file": "0.wav",
            "reference": "turn on the light",
            "speaker": None,
            "cohort": "stuttering",
            "severity": "mild",
            "simulated": True,
            "base": "turn on the night",
            "adapted": "turn on the light",
            "base_errors": {
                "hits": 3, "substitutions": 1, "deletions": 0, "insertions": 0,
                "wer": 0.25, "cer": pytest.approx(1 / 17),
            },
            "adapted_errors": {"hits": 4, "substitutions": 0, "deletions": 0, "insertions": 0, "wer": 0.0, "cer": 0.0},
            "verbatim": None,
            "base_verbatim_errors": None,
            "adapted_verbatim_errors": None,
            "stopped": {"base": "end", "adapted": "end"},
            "no_speech": {"base": True, "adapted": True},
            "note": None,
            "seconds": 1.0,
            "preferred": None,
            "verdict": {"outcome": "better", "doubts": []},
            "layers": [],
        }
    ]  # fmt: skip
    assert [(group["by"], group["value"]) for group in report["groups"]] == [
        ("all", "all"), ("cohort", "stuttering"), ("severity", "mild")
    ]  # fmt: skip
    assert report["groups"][0].keys() == {
        "by", "value", "n_utterances", "n_simulated", "n_words",
        "base_wer", "adapted_wer", "chosen_wer", "oracle_wer", "relative_reduction", "base_cer", "adapted_cer",
        "n_speakers", "base_wer_interval", "adapted_wer_interval", "relative_reduction_interval",
        "base_wer_interval_over_recordings", "adapted_wer_interval_over_recordings",
        "relative_reduction_interval_over_recordings",
        "better_share", "worse_share", "base_loop_share", "adapted_loop_share",
        "base_substitution_rate", "base_deletion_rate", "base_insertion_rate",
        "adapted_substitution_rate", "adapted_deletion_rate", "adapted_insertion_rate",
    }  # fmt: skip


def test_groups_pool_only_their_own_rows(tmp_path):
    rows, asr = recordings(
        tmp_path,
        SENTENCES,
        severity=["severe", "mild", "moderate", "mild", ""],
        corpus=["a", "a", "b", "b", "b"],
    )
    evaluation = score_manifest(asr, rows)
    names = [(group.by, group.value) for group in evaluation.groups]
    assert names == [
        ("all", "all"), ("severity", "mild"), ("severity", "moderate"), ("severity", "severe"),
        ("corpus", "a"), ("corpus", "b"),
    ]  # fmt: skip
    mild = evaluation.group("severity", "mild")
    references, base, _ = zip(SENTENCES[1], SENTENCES[3], strict=True)
    assert mild.base.wer == pytest.approx(jiwer.wer(list(references), list(base)))
    assert mild.n_utterances == 2


def test_harm_help_loops_and_kinds_of_error_by_hand(tmp_path):
    heard = [
        ("turn on the light", "turn on the night", "turn on the light"),  # better
        ("call my sister", "call my sister", "call call call my sister ~"),  # worse: two insertions, a loop
        ("good morning", "bad morning", "bad morning"),  # as bad as before
        ("stop", "go go go ~", "top"),  # better: three errors, then one
    ]
    rows, asr = recordings(tmp_path, heard)
    group = score_manifest(asr, rows).group("all", "all").to_json()
    assert (group["better_share"], group["worse_share"]) == (2 / 4, 1 / 4)
    assert (group["base_loop_share"], group["adapted_loop_share"]) == (1 / 4, 1 / 4)
    assert (group["base_substitution_rate"], group["base_deletion_rate"], group["base_insertion_rate"]) == (
        3 / 10, 0, 2 / 10
    )  # fmt: skip
    assert (group["adapted_substitution_rate"], group["adapted_insertion_rate"]) == (2 / 10, 2 / 10)
    assert group["n_speakers"] is None and group["base_wer_interval"] is None  # nobody is named


def test_intervals_need_five_named_speakers_and_pool_their_counts(tmp_path):
    meant = "red green blue lamp door lamp blue green red lamp"
    heard = [(meant, "no " * 10, "")] + 4 * [(meant, meant, "")]
    rows, asr = recordings(tmp_path, heard, speaker=list("abcde"), severity=["mild"] * 4 + ["severe"])
    evaluation = score_manifest(asr, rows)
    record = evaluation.group("all", "all").to_json()
    assert record["n_speakers"] == 5
    assert record["base_wer_interval"] == [0.0, 0.6]  # one bad speaker of five: see tests/test_statistics.py
    assert record["adapted_wer_interval"] == [1.0, 1.0]
    assert record["relative_reduction_interval"] is None  # some draws have no error to reduce
    assert evaluation.group("severity", "mild").to_json()["base_wer_interval"] is None  # four speakers
    assert evaluation.group("speaker", "a").to_json()["n_speakers"] == 1
    rows, asr = recordings(tmp_path, heard, speaker=["a", "b", "c", "d", ""])
    assert score_manifest(asr, rows).group("all", "all").to_json()["base_wer_interval"] is None


def test_simulated_patients_of_one_voice_are_one_speaker(tmp_path):
    """Six patients of two voices fail together: they are drawn as two, which are too few."""
    meant = "red green blue lamp"
    patients = [f"{voice}-{turned}" for voice in ("known1", "known2") for turned in ("dysam0", "parkm1", "stuts2")]
    rows, asr = recordings(tmp_path, 6 * [(meant, "red", meant)], speaker=patients, simulated=6 * [True])
    group = score_manifest(asr, rows).group("all", "all").to_json()
    assert (group["n_speakers"], group["base_wer_interval"]) == (2, None)
    rows, asr = recordings(tmp_path, 6 * [(meant, "red", meant)], speaker=patients)  # people with such names
    group = score_manifest(asr, rows).group("all", "all").to_json()
    assert (group["n_speakers"], group["base_wer_interval"]) == (6, [0.75, 0.75])


def test_ages_make_two_groups_and_what_is_no_age_none(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES, age=["9", "15.5", "16", "twenties", ""])
    groups = [group for group in score_manifest(asr, rows).groups if group.by == "age_group"]
    assert [(group.value, group.n_utterances) for group in groups] == [("adult", 1), ("child", 2)]


def test_cells_are_the_severities_of_each_cohort(tmp_path):
    cohorts, severities = ["a", "a", "a", "b", ""], ["mild", "mild", "severe", "mild", "mild"]
    rows, asr = recordings(tmp_path, SENTENCES, cohort=cohorts, severity=severities)
    cells = score_manifest(asr, rows).cells
    assert [(cell.value, cell.n_utterances) for cell in cells] == [("a, mild", 2), ("a, severe", 1), ("b, mild", 1)]
    references, base, _ = zip(*SENTENCES[:2], strict=True)
    assert cells[0].base.wer == pytest.approx(jiwer.wer(list(references), list(base)))


def test_without_hypernetwork_the_adapted_half_is_null(tmp_path):
    rows, asr = recordings(tmp_path, [(text, base, None) for text, base, _ in SENTENCES], speaker=list("abcde"))
    asr.hypernetwork = None
    report = score_manifest(asr, rows).to_json()
    assert report["hypernetwork"] is None
    assert {u["adapted"] for u in report["utterances"]} == {None}
    assert report["utterances"][0]["stopped"] == {"base": "end", "adapted": None}
    group = report["groups"][0]
    of_both = (
        "chosen_wer",
        "oracle_wer",
        "relative_reduction",
        "relative_reduction_interval",
        "better_share",
        "worse_share",
    )
    assert {group[key] for key in group if key.startswith("adapted") or key in of_both} == {None}
    assert group["base_wer"] > 0


def test_a_row_without_reference_is_transcribed_and_not_scored(tmp_path):
    rows, asr = recordings(tmp_path, [("", "hello there", "hello"), SENTENCES[4]])
    evaluation = score_manifest(asr, rows)
    first = evaluation.to_json()["utterances"][0]
    assert (first["reference"], first["base"], first["base_errors"], first["adapted_errors"]) == (
        None, "hello there", None, None
    )  # fmt: skip
    assert evaluation.group("all", "all").n_utterances == 1
    note = "without a reference, so transcribed and not scored: 1 recordings"
    assert note in table(evaluation).splitlines()
    rows, asr = recordings(tmp_path, [("", "hello", "hello")])
    assert (nothing := score_manifest(asr, rows)).groups == ()
    with pytest.raises(GroupError, match="There is no group 'all', 'all': no recording that was heard has a reference"):
        nothing.group("all", "all")


def test_a_group_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES, cohort=["a", "a", "b", "b", "b"])
    evaluation = score_manifest(asr, rows)
    with pytest.raises(GroupError, match=r"There is no group 'cohort', 'c'; there are a, b\."):
        evaluation.group("cohort", "c")
    with pytest.raises(GroupError, match=r"There is no group 'kind', 'a'; there are all, cohort\."):
        evaluation.group("kind", "a")


def test_a_perfect_base_gives_no_relative_change(tmp_path):
    rows, asr = recordings(tmp_path, [("stop", "stop", "shop")])
    assert score_manifest(asr, rows).groups[0].to_json()["relative_reduction"] is None


def test_table_signs_a_change_and_never_says_minus_zero(tmp_path):
    same = [("stop it now", "stop it", "stop it"), ("go on now", "go on", "go on now"), ("no no", "no", "yes yes")]
    rows, asr = recordings(tmp_path, same, cohort=["same", "better", "worse"])
    text = table(score_manifest(asr, rows))
    changes = [line.split("%")[2].strip() for line in text.splitlines()[3:]]
    assert changes == ["-100.0", "+0.0", "+100.0"]


def test_table_gives_the_ends_of_a_change_as_signed_as_the_change(tmp_path):
    half, whole = (
        ("stop it now please", "no it no please", text) for text in ("no it now please", "stop it now please")
    )
    rows, asr = recordings(tmp_path, 4 * [half] + [whole], speaker=list("abcde"))
    header, line, *_ = table(score_manifest(asr, rows)).splitlines()
    assert header.split("change")[1].split("base CER")[0].strip() == "95 % of speakers"
    assert "-60.0 %    -80.0 to -50.0" in line  # 50 % mended, and 10 more each time that the last of five is drawn


def test_table_gives_the_ends_over_recordings_where_there_are_too_few_speakers_and_says_so(tmp_path):
    half, whole = (
        ("stop it now please", "no it no please", text) for text in ("no it now please", "stop it now please")
    )
    rows, asr = recordings(tmp_path, 4 * [half] + [whole], speaker=list("aaabb"))
    _, line, *_ = table(score_manifest(asr, rows)).splitlines()
    assert "-60.0 %  -80.0 to -50.0 over recordings" in line


def test_table_says_simulated_and_shortens_long_columns(tmp_path):
    many = [SENTENCES[i % 5] for i in range(24)]
    rows, asr = recordings(
        tmp_path,
        many,
        speaker=[f"s{i}" for i in range(24)],
        cohort=["stuttering", "typical"] * 12,
        simulated=[True, False] * 12,
    )
    text = table(score_manifest(asr, rows))
    lines = {line.split("  ")[0].strip() or line.split()[0]: line for line in text.splitlines()}
    assert "all (12 simulated)" in text and "stuttering (simulated)" in text
    assert "simulated" not in next(line for line in text.splitlines() if "typical" in line)
    assert "by speaker: 24 values, in the JSON report" in text and "s13" not in text
    assert len({len(line) for line in text.splitlines() if "%" in line}) == 1, lines  # numbers stand in columns


def test_whoever_watches_has_all_that_is_done_and_may_stop(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES)
    (tmp_path / "1.wav").write_bytes(b"this is no sound")
    parts = score_parts(asr, rows, batch_size=2, batches_at_once=1)
    assert [u.recording.file for u in next(parts).utterances] == ["0.wav"]
    second = next(parts)
    assert (second.n_done, [u.recording.file for u in second.utterances]) == (4, ["0.wav", "2.wav", "3.wav"])
    assert [failure.file for failure in second.failures] == ["1.wav"]
    parts.close()
    assert [len(batch) for batch in asr.batches] == [1, 2]  # the fifth was never transcribed


def test_long_recordings_are_held_by_their_length_not_by_their_number(tmp_path, monkeypatch):
    rows, asr = recordings(tmp_path, SENTENCES)
    monkeypatch.setattr("hyper.compare.scoring.PART_SECONDS", 1.5)  # each lasts about one second
    assert [part.n_done for part in score_parts(asr, rows)] == [2, 4, 5]
    assert [len(batch) for batch in asr.batches] == [2, 2, 1]


def test_the_watched_and_the_unwatched_loop_find_the_same(tmp_path):
    rows, asr = recordings(tmp_path, SENTENCES, speaker=list("aabbc"))
    (*_, last) = score_parts(asr, rows, batch_size=2)
    assert last.to_json() == score_manifest(asr, rows).to_json()


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "list.csv").write_text("file")
    files = ReportFiles(tmp_path / "new" / "r.json", tmp_path / "list.csv" / "r.csv", None, None)
    with pytest.raises(EvaluationError, match=r"--csv: .*list\.csv/r\.csv cannot be written \(.+\); please"):
        files.check()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["list.csv", "new"]  # and nothing is left of trying
    assert (tmp_path / "list.csv").read_text() == "file"


def test_no_file_is_written_over_what_is_read_or_over_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = [tmp_path / "m.csv", tmp_path / "anna.json"]
    for files, why in (
        (ReportFiles(None, Path("m.csv"), None, None), r"--csv names m\.csv, which is read here; please give"),
        (ReportFiles(Path("anna.json"), None, None, None), r"--json names anna\.json, which is read here"),
        (ReportFiles(Path("anna.wav"), None, None, None), r"--json names anna\.wav; it must end in \.json\."),
        (ReportFiles(None, Path("t.txt"), None, None), r"--csv names t\.txt; it must end in \.csv\."),
        (ReportFiles(None, None, Path("t.csv"), None), r"--xlsx names t\.csv; it must end in \.xlsx\."),
    ):
        with pytest.raises(EvaluationError, match=why):
            files.check(read)
    ReportFiles(Path("new/r.JSON"), Path("r.csv"), None, Path("r.pdf")).check(read)


def test_evaluate_keeps_its_own_manifest(tmp_path, capsys):
    (manifest := tmp_path / "m.csv").write_text("file,reference\na.wav,stop\n")
    assert main(["evaluate", str(manifest), "--csv", str(tmp_path / "x" / ".." / "m.csv")]) == 1
    assert "m.csv, which is read here; please give it another name." in capsys.readouterr().err


def test_a_file_that_cannot_be_written_in_the_end_costs_no_other(tmp_path, capsys):
    rows, asr = recordings(tmp_path, SENTENCES)
    files = ReportFiles(tmp_path / "gone" / "r.json", tmp_path / "r.csv", tmp_path / "r.xlsx", tmp_path / "r.html")
    files.check()
    (tmp_path / "gone").rmdir()
    with pytest.raises(EvaluationError, match=r"gone/r\.json \(No such file or directory\) could not be written"):
        evaluate(lambda given: score_manifest(asr, given), "m.csv", rows, files)
    assert table(score_manifest(asr, rows)) in capsys.readouterr().out
    assert all((tmp_path / f"r.{ending}").stat().st_size for ending in ("csv", "xlsx", "html"))
    assert not [*tmp_path.rglob("*.partial")]
