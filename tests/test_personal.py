"""Whose weights help: others' statistics by hand, the own row as `evaluate` counts it, rivals beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hyper.__main__ import main
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.model.checkpoint import save_hypernet
from hyper.recordings.manifest import ManifestError, ManifestRow, read_manifest
from hyper.study.personal import PersonalError, others_statistics, personal_table, whose_weights


@pytest.fixture(scope="module")
def pair(whisper_folder, backbone, make_hypernet, tmp_path_factory) -> PersonalizedAsr:
    folder = tmp_path_factory.mktemp("personal") / "hypernet"
    save_hypernet(make_hypernet(backbone), folder)
    return PersonalizedAsr.load(whisper_folder, folder, device="cpu")


def row(speaker: str, cohort: str, simulated: bool = True) -> ManifestRow:
    return ManifestRow("a.wav", Path("a.wav"), "yes", speaker, cohort, "mild", simulated)


def test_others_by_hand() -> None:
    one = [row("p-dysam0", "a")] * 3
    rows = [*one, row("p-dysam1", "a"), row("q-dysam0", "a"), row("r-stutm0", "b")]
    read = others_statistics(rows, torch.arange(6.0)[:, None])
    found = {whose: (given[:, 0].tolist(), has.tolist()) for whose, (given, has) in read.items()}
    of_speaker, same, another, everybody = found.values()
    assert of_speaker == ([1.5, 1.0, 0.5, 3.0, 4.0, 5.0], [True] * 3 + [False] * 3)
    assert same[0][:4] == [4.0] * 4 and same[0][4] in (0, 1, 2, 3) and same[1] == [True] * 5 + [False]
    assert another[0][:5] == [5.0] * 5 and another[0][5] < 5 and all(another[1])
    assert everybody == ([2.5] * 6, [True] * 6)


def test_the_own_row_is_that_of_evaluate_and_a_rival_that_is_the_same_pair_equals_it(pair, spoken) -> None:
    rows = read_manifest(spoken)
    own, *others, rival = whose_weights(pair, [*rows, replace(rows[0], path=Path("gone.wav"))], [pair])
    (everything,) = [group for group in score_manifest(pair, rows).groups if group.by == "all"]
    assert (own.n_recordings, own.base_wer, own.wer) == (len(rows), everything.base.wer, everything.adapted.wer)
    assert own.reduction == pytest.approx(1 - everything.adapted.n_errors / everything.base.n_errors)
    assert rival.wer == own.wer == rival.own_wer and rival.whose == str(pair.hypernet_folder)
    assert [other.n_recordings for other in others] == [len(rows)] * 4  # all speak both ways, so nobody lacks a like
    assert any(other.wer != own.wer for other in others)
    for each in (own, rival):
        assert (each.difference_interval.low, each.difference_interval.high) == (0, 0)


def test_simulated_patients_of_one_voice_are_one_speaker(pair, spoken) -> None:
    rows = [replace(row, speaker=f"anna-dysam{i}", simulated=True) for i, row in enumerate(read_manifest(spoken))]
    assert len(rows) >= 5 and {each.n_speakers for each in whose_weights(pair, rows)} == {1}
    assert {each.difference_interval for each in whose_weights(pair, rows)} == {None}


def test_the_command_prints_and_writes(pair, whisper_folder, spoken, tmp_path, capsys) -> None:
    base = ["--base", str(whisper_folder), "--hypernet", str(pair.hypernet_folder), "--device", "cpu"]
    command = ["personal", str(spoken), "--rival", str(pair.hypernet_folder), "--json", str(tmp_path / "out.json")]
    assert main([*command, *base]) == 0
    printed, record = capsys.readouterr().out, json.loads((tmp_path / "out.json").read_text())
    assert len(record["weights"]) == 6 and record["base_fingerprint"] == pair.backbone.fingerprint
    for each in record["weights"]:
        rate = f"{100 * each['base_wer']:.1f} %"
        assert f"| {each['whose']} | {each['n_recordings']} | {each['n_speakers']} | {rate} |" in printed


def test_weights_that_no_recording_can_be_given_are_left_out(pair, spoken) -> None:
    alone = [each for each in read_manifest(spoken) if each.speaker == read_manifest(spoken)[0].speaker]
    assert len(alone) > 1
    found = {each.whose for each in whose_weights(pair, alone)}
    assert found == {"its own", "the mean of the speaker's other recordings", "the mean of all"}


def test_a_rival_stands_on_the_pairs_own_base(pair, monkeypatch, spoken) -> None:
    loaded, compared = [], []
    monkeypatch.setattr(PersonalizedAsr, "load", lambda *_, **how: loaded.append(how["bits"]) or pair)
    monkeypatch.setattr("hyper.study.personal.whose_weights", lambda *given: compared.extend(given[2]) or [])
    assert main(["personal", str(spoken), "--rival", str(pair.hypernet_folder), "--bits", "4"]) == 0
    assert loaded == [4] and compared[0].backbone is pair.backbone
    assert (compared[0].hypernetwork, compared[0].hypernet_folder) == ("hypernet", pair.hypernet_folder)


def test_a_base_alone_and_a_list_without_references_are_refused(pair, spoken) -> None:
    with pytest.raises(PersonalError, match="has no hypernetwork here, so there are no weights to exchange"):
        whose_weights(PersonalizedAsr(pair.backbone, None, "none"), read_manifest(spoken))
    rows = [replace(each, reference="") for each in read_manifest(spoken)]
    with pytest.raises(PersonalError, match=f"None of {len(rows)} recordings has a reference and can be read"):
        whose_weights(pair, rows)


def test_recordings_of_nobody_are_not_taken_for_one_speaker_s(pair, spoken) -> None:
    rows = read_manifest(spoken)
    rows = [replace(rows[0], file="whose.wav", speaker=""), *rows[1:]]
    asked = r"the first is whose\.wav; please fill in the column `speaker`, since weights of the same speaker"
    with pytest.raises(ManifestError, match=rf"1 of {len(rows)} recordings name no speaker, {asked}"):
        whose_weights(pair, rows)


def test_one_lora_for_everybody_generates_nothing(backbone, make_hypernet) -> None:
    one = make_hypernet(backbone, generated="nothing", rank=2)
    n_statistics = (2, backbone.n_encoder_layers + 1, 3, backbone.d_model)
    lora = one(torch.from_numpy(np.random.default_rng(0).normal(size=n_statistics).astype(np.float32)))
    assert one.n_generated == 0 and all(torch.equal(b[0], b[1]) for b in (*lora.a, *lora.b))
    assert one.config.written.startswith("nothing: one LoRA of rank 2")


def test_the_table_says_percent_and_points() -> None:
    from hyper.metrics.intervals import Interval
    from hyper.study.personal import Weights

    one = Weights("its own", 3, 2, 10, 0.5, 0.4, 0.2, Interval(0.1, 0.3), 0.35, Interval(-0.01, 0.11))
    line = personal_table([one]).splitlines()[-1]
    assert line == "| its own | 3 | 2 | 50.0 % | 40.0 % | 20.0 % (10.0 to 30.0) | 35.0 % | +5.0 (-1.0 to 11.0) |"
    assert "–" in personal_table([replace(one, reduction=None)])
