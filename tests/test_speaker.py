"""One speaker, several recordings: the mean by another way, angles worked out by hand, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import scipy.linalg
import torch
from test_cli import one_line_failure
from test_clinic_report import words_of
from test_decoding import merged

from hyper.__main__ import main
from hyper.compare.evaluation import Evaluation
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.speaker import LEVELS, MAX_RECORDINGS, SpeakerError, agreement, compare_speaker, split_references
from hyper.metrics.word_errors import word_errors
from hyper.model import subspace
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import save_hypernet
from hyper.model.lora import LoraWeights
from hyper.model.subspace import angles_between_updates
from hyper.model.utterance_encoder import pool_pieces, pool_statistics
from hyper.recordings.audio import SAMPLE_RATE, AudioError, save_audio
from hyper.recordings.matching import SAVED_COLUMN
from hyper.reports.html import html_text
from hyper.reports.parts import NO_SPEECH
from hyper.reports.pdf import pdf_bytes
from hyper.reports.speaker import NAMES, speaker_evaluation, speaker_report, speaker_sheet
from hyper.reports.table import shown_text


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


@pytest.fixture(scope="module")
def recordings(speech_like) -> list[np.ndarray]:
    return [speech_like(seconds, seed=seed) for seed, seconds in enumerate((1.5, 2.5, 1.0))]


@pytest.fixture(scope="module")
def comparison(asr, recordings):
    return compare_speaker(asr, recordings, ["turn on the lights", None, "good morning"])


def statistics_of(backbone: Backbone, waveform: np.ndarray) -> torch.Tensor:
    n_speech = torch.tensor([backbone.n_speech_states(len(waveform))])
    return pool_statistics(backbone.encode(backbone.log_mel([waveform])), n_speech)


def test_the_speaker_adaptation_is_written_for_the_mean_of_the_statistics(asr, recordings, comparison):
    statistics = torch.cat([statistics_of(asr.backbone, waveform) for waveform in recordings])
    expected = asr.hypernet(statistics.mean(dim=0, keepdim=True))
    for given, wanted in zip((*comparison.lora.a, *comparison.lora.b), (*expected.a, *expected.b), strict=True):
        torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-5)
    n_speech = torch.tensor([asr.backbone.n_speech_states(len(waveform)) for waveform in recordings])
    as_pieces = asr.hypernet(pool_pieces(statistics, n_speech))
    assert not torch.allclose(as_pieces.b[0], comparison.lora.b[0], atol=1e-3)  # another thing, as the docstring says


def test_the_mean_embedding_is_that_of_the_single_recordings(asr, recordings, comparison):
    each = np.stack([asr.compare(waveform).embedding for waveform in recordings])
    np.testing.assert_allclose(comparison.embeddings, each, atol=1e-5)
    np.testing.assert_allclose(comparison.embedding, each.mean(axis=0), atol=1e-5)


def test_base_and_utterance_are_what_comparing_each_recording_gives(asr, recordings, comparison):
    for waveform, recording in zip(recordings, comparison.recordings, strict=True):
        alone = asr.compare(waveform)
        assert recording.rows["base"].text == alone.base.text
        assert recording.rows["utterance"].text == alone.adapted.text
        assert recording.seconds == pytest.approx(len(waveform) / SAMPLE_RATE)


def test_the_speaker_level_is_a_model_with_the_mean_merged_into_its_weights(asr, recordings, comparison):
    parts = asr.backbone
    whole = Backbone(
        merged(parts, comparison.lora, 0), parts.extractor, parts.tokenizer, "merged", parts.device, parts.dtype
    )
    texts = [PersonalizedAsr(whole, None, None).compare(waveform).base.text for waveform in recordings]
    assert [recording.rows["speaker"].text for recording in comparison.recordings] == texts
    differs = [r.rows["speaker"].text != r.rows["utterance"].text for r in comparison.recordings]
    assert any(differs)  # or the level would be no level


def test_an_adapted_encoder_is_run_again_with_the_speakers_weights(backbone, make_hypernet, recordings):
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, targets=("encoder.fc1",)), "random")
    comparison = compare_speaker(asr, recordings)
    model = merged(backbone, comparison.lora, 0)
    whole = Backbone(model, backbone.extractor, backbone.tokenizer, "merged", backbone.device, backbone.dtype)
    texts = [PersonalizedAsr(whole, None, None).compare(waveform).base.text for waveform in recordings]
    assert [recording.rows["speaker"].text for recording in comparison.recordings] == texts


def test_each_recording_is_encoded_once_and_all_levels_share_its_batch(asr, recordings, monkeypatch):
    encoded, decoded = [], []
    encode, last = asr.backbone.encode, asr.backbone.model.model.decoder.layer_norm
    monkeypatch.setattr(asr.backbone, "encode", lambda log_mel: encoded.append(len(log_mel)) or encode(log_mel))
    watch = last.register_forward_hook(lambda _module, given, _written: decoded.append(len(given[0])))
    compare_speaker(asr, recordings)
    watch.remove()
    assert encoded == [1, 1, 1]
    assert decoded[0] == 9  # three recordings, three levels


def test_errors_are_counted_where_a_reference_is_known_and_pooled_as_one_corpus(comparison):
    first, second, third = comparison.recordings
    assert all(row.errors is None for row in second.rows.values())
    for level in ("base", "utterance", "speaker"):
        one = word_errors("turn on the lights", first.rows[level].text)
        two = word_errors("good morning", third.rows[level].text)
        assert first.rows[level].errors == one
        n_errors = sum(e.substitutions + e.deletions + e.insertions for e in (one, two))
        assert comparison.pooled[level].wer == pytest.approx(n_errors / 6)


def test_without_references_nothing_is_counted(asr, recordings):
    assert compare_speaker(asr, recordings[:2]).pooled is None


@pytest.fixture(scope="module")
def of_files(comparison):
    """The same, as if it had come in files."""
    named = (replace(each, file=f"anna {i}.wav") for i, each in enumerate(comparison.recordings))
    return replace(comparison, recordings=tuple(named))


@pytest.fixture(scope="module")
def listed(of_files) -> Evaluation:
    return speaker_evaluation(of_files, [True, False, False], "abc123")


def test_the_table_has_every_level_and_says_what_is_simulated(of_files, listed):
    comparison, sheet = of_files, speaker_sheet(of_files, listed)
    lines = [dict(zip(sheet.columns, line, strict=True)) for line in sheet.lines]
    assert [line["simulated"] for line in lines] == ["simulated", "", ""]
    for line, recording in zip(lines, comparison.recordings, strict=True):
        levels = [line[name] for name in ("base", "adapted", "adapted to the speaker")]
        assert levels == [shown_text(recording.rows[level]) for level in LEVELS]
        errors = recording.rows["speaker"].errors
        assert line["adapted to the speaker WER"] == (errors and errors.wer)
    assert lines[1]["adapted to the speaker substituted"] is None
    assert all(SAVED_COLUMN.fullmatch(name.lower()) for name in sheet.columns if name.startswith("adapted to"))


def test_the_report_has_every_level_and_says_what_is_simulated(of_files, listed):
    comparison, report = of_files, speaker_report(of_files, listed, subject="Case 12 <b>")
    assert [[row.name for row in part.rows] for part in report.recordings] == [list(NAMES.values())] * 3
    assert "simulated" in report.recordings[0].heading and "simulated" not in report.recordings[1].heading
    assert any("1 of these 3 recordings are simulated" in caution for caution in report.cautions)
    rates = [f"{100 * comparison.pooled[level].wer:.1f} %" for level in LEVELS]
    assert [line[3] for line in report.group_lines] == rates and "(1 simulated)" in report.group_lines[2][0]
    html, pdf = html_text(report), words_of(pdf_bytes(report))
    assert "Case 12 &lt;b&gt;" in html
    for recording, part in zip(comparison.recordings, report.recordings, strict=True):
        assert recording.file.removesuffix(".wav") not in html
        for row, shown in zip(recording.rows.values(), part.rows, strict=True):
            assert shown.text == (NO_SPEECH if row.heard_nobody else row.text)
    for text in (*NAMES.values(), *rates):
        assert text.capitalize() in pdf or text in pdf


def vectors(*columns: list[float]) -> LoraWeights:
    """One row of rank-1 weights for as many layers as there are pairs of (a, b) given."""
    pairs = list(zip(columns[::2], columns[1::2], strict=True))
    a = tuple(torch.tensor([[pair[0]]], dtype=torch.float64) for pair in pairs)
    b = tuple(torch.tensor([pair[1]], dtype=torch.float64)[:, :, None] for pair in pairs)
    return LoraWeights((), a, b, 1.0)


def test_by_hand_rank_one_angles_are_those_between_the_vectors():
    """b: 45° then 0° (opposite signs span the same line); a: 90° then 60°; the means over the two layers follow."""
    one = vectors([1.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0], [0.0, 3.0, 0.0])
    two = vectors([0.0, 5.0], [2.0, 2.0, 0.0], [0.5, 3**0.5 / 2], [0.0, -1.0, 0.0])
    found = agreement([one, two, one])
    expected = np.array([[0, 22.5, 0], [22.5, 0, 22.5], [0, 22.5, 0]])
    np.testing.assert_allclose(found.written_deg, expected, atol=1e-6)
    np.testing.assert_allclose(found.read_deg[0, 1], 75.0)
    assert found.mean_written_deg == pytest.approx(15.0) and found.mean_read_deg == pytest.approx(50.0)


def drawn(rank: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rank, 6, generator=generator).double(), torch.randn(24, rank, generator=generator).double()


def test_the_angles_of_rank_one_are_scipys():
    first, second = drawn(1, 5), drawn(1, 6)
    written, read = (found[0, 1] for found in angles_between_updates([first, second]))
    formed = [(b @ a).numpy() for a, b in (first, second)]
    assert written == pytest.approx(scipy.linalg.subspace_angles(*(update[:, :1] for update in formed))[0])
    assert read == pytest.approx(scipy.linalg.subspace_angles(*(update[:1].T for update in formed))[0])


def test_the_angles_of_any_rank_are_those_of_the_formed_products():
    updates = [drawn(3, seed) for seed in range(4)]
    formed = [(b @ a).numpy() for a, b in updates]
    written, read = angles_between_updates(updates)
    for i, j in combinations(range(4), 2):
        u, v = formed[i], formed[j]
        for found, one, two in ((written, u @ u.T, v @ v.T), (read, u.T @ u, v.T @ v)):
            cosine = (one * two).sum() / (np.linalg.norm(one) * np.linalg.norm(two))
            assert (found[i, j], found[j, i]) == pytest.approx((np.arccos(np.sqrt(cosine)),) * 2)


def test_each_recordings_update_is_taken_apart_once(monkeypatch):
    taken = []
    monkeypatch.setattr(subspace, "_update_spaces", lambda a, b: taken.append(a) or (b, a.T))
    agreement([vectors([1.0, i], [2.0, i, 0.0], [i, 3.0], [0.0, 1.0, i]) for i in map(float, range(6))])
    assert len(taken) == 6 * 2  # recordings and layers, not pairs of recordings


def test_others_who_wait_for_the_model_do_not_wait_for_the_agreement(asr, recordings, monkeypatch):
    is_on_model = []

    def on_model(step):
        is_on_model.append(True)
        try:
            return step()
        finally:
            is_on_model.pop()

    seen = []
    monkeypatch.setattr("hyper.compare.speaker.agreement", lambda own: seen.append(bool(is_on_model)) or agreement(own))
    assert compare_speaker(asr, recordings, on_model=on_model).agreement.written_deg.shape == (3, 3)
    assert seen == [False]


def test_by_hand_the_same_directions_weighed_differently_are_apart():
    """U U' is diag(1, 1), V V' is diag(9, 1): the cosine is 10 / (sqrt 2 sqrt 82)."""
    b = torch.eye(2)
    updates = [(torch.eye(2), b), (torch.diag(torch.tensor([3.0, 1.0])), b), (2 * torch.eye(2), b)]
    expected = np.degrees(np.arccos(np.sqrt(10 / np.sqrt(2 * 82))))
    for found in angles_between_updates(updates):
        assert np.degrees(found[0, 1:]) == pytest.approx([expected, 0.0], abs=1e-5)


def test_an_update_of_zero_has_no_direction(backbone, make_hypernet, recordings):
    comparison = compare_speaker(
        PersonalizedAsr(backbone, make_hypernet(backbone, is_trained=False), "new"), recordings
    )
    assert np.isnan(comparison.agreement.written_deg[0, 1])
    record = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert record["agreement"]["mean_written_deg"] is None and record["agreement"]["written_deg"][0][0] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [None, None]),
        (" \n", [None, None]),
        ("one\ntwo", ["one", "two"]),
        ("one\n two \n", ["one", "two"]),
        ("one\r\n\r\n", ["one", None]),
        ("\ntwo", [None, "two"]),
        ("one\n\n\n", ["one", None]),
        ("one\ntwo\n\n\n", ["one", "two"]),
        ("one\n\ntwo", None),
    ],
)
def test_one_line_for_each_recording(text, expected):
    if expected is None:
        with pytest.raises(SpeakerError, match="lines? of what was meant for 2 recordings"):
            split_references(text, 2)
    else:
        assert split_references(text, 2) == expected


def test_an_empty_line_is_a_recording_without_reference():
    assert split_references("one\n\nthree", 3) == ["one", None, "three"]


def test_what_cannot_be_compared_is_explained(asr, backbone, recordings, tmp_path):
    def fails(words, *given, error=SpeakerError, of=asr):
        with pytest.raises(error) as caught:
            compare_speaker(of, *given)
        assert words in str(caught.value)

    fails("There is 1 recording; please give 2 to 20", recordings[:1])
    fails("There are 21 recordings", recordings[:1] * (MAX_RECORDINGS + 1))
    fails("There are 1 references for 3 recordings", recordings, ["one"])
    fails("There is no hypernetwork for whisper-random", recordings, of=PersonalizedAsr(backbone, None, None))
    fails("601 s long together, but the limit is 600 s", [np.ones(SAMPLE_RATE * 300), np.ones(SAMPLE_RATE * 301)])
    silent = tmp_path / "silent.wav"
    save_audio(silent, np.zeros(SAMPLE_RATE))
    fails("silent.wav: The recording is silent", [recordings[0], silent], error=AudioError)
    fails("recording 2: The recording is only 0.06 s", [recordings[0], np.ones(1000)], error=AudioError)
    fails("There is no file", [recordings[0], tmp_path / "gone.wav"], error=AudioError)


@pytest.fixture(scope="module")
def files(tmp_path_factory, recordings):
    folder = tmp_path_factory.mktemp("speaker")
    for i, waveform in enumerate(recordings):
        save_audio(folder / f"{i}.wav", waveform)
    return [folder / f"{i}.wav" for i in range(len(recordings))]


def test_the_command(files, whisper_folder, backbone, make_hypernet, tmp_path, capsys):
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet")
    (tmp_path / "meant.txt").write_text("turn on the lights\n\ngood morning\n")
    options = ["--base", whisper_folder, "--hypernet", tmp_path / "hypernet", "--references", tmp_path / "meant.txt"]
    command = list(map(str, ["speaker", *files, *options]))
    assert main([*command, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    direct = compare_speaker(
        PersonalizedAsr.load(whisper_folder, tmp_path / "hypernet", "cpu"),
        files,
        ["turn on the lights", "", "good morning"],
    )
    assert record == json.loads(json.dumps(direct.to_json()))
    assert [each["file"] for each in record["recordings"]] == ["0.wav", "1.wav", "2.wav"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert f"all, speaker    WER {100 * direct.pooled['speaker'].wer:.1f} %" in text
    assert f"{direct.agreement.mean_written_deg:.1f}° in what they write" in text


def test_wrong_references_of_the_command_take_one_line(capsys, files, tmp_path):
    (tmp_path / "meant.txt").write_text("one\n")
    arguments = ["speaker", *files, "--references", tmp_path / "meant.txt"]
    one_line_failure(capsys, arguments, "There is 1 line of what was meant for 3 recordings")
    (tmp_path / "meant.txt").write_bytes(b"\xff\xfe\xfa")
    one_line_failure(capsys, arguments, "is not a text file in UTF-8")
    one_line_failure(
        capsys, ["speaker", *files, "--references", tmp_path / "gone.txt"], "please check its name and folder"
    )
