"""From raw confidence to the share of right words: against shares that are known, and fits written out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_cli import one_line_failure

from hyper.__main__ import main
from hyper.compare import calibration
from hyper.compare.calibration import (
    Calibration,
    CalibrationError,
    ScoredWords,
    brier_score,
    fit,
    isotonic,
    platt,
    reliability,
)
from hyper.compare.calibration_file import load_calibration, save_calibration
from hyper.compare.confidence import word_confidences
from hyper.compare.pipeline import PersonalizedAsr
from hyper.metrics.written import words_right
from hyper.model.checkpoint import CheckpointError, save_hypernet
from hyper.model.fingerprint import fingerprint
from hyper.plots.calibration import reliability_figure
from hyper.recordings.manifest import read_manifest, write_manifest
from hyper.speech.texts import split_of
from hyper.study import calibrate as study
from hyper.study.calibrate import validation_rows
from hyper.ui.cards.calibration import OTHER_EMBEDDING, reliability_html


def words(confidence, right, speaker=None) -> ScoredWords:
    speaker = ["s"] * len(confidence) if speaker is None else speaker
    return ScoredWords(np.array(confidence, float), np.array(right, float), np.array(speaker, dtype=str))


def drawn(n_words: int, share_right, seed: int = 0, n_speakers: int = 40) -> ScoredWords:
    """Words that are right as often as `share_right` says of their confidence."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(size=n_words)
    speaker = [f"s{i}" for i in rng.integers(n_speakers, size=n_words)]
    return words(confidence, rng.uniform(size=n_words) < share_right(confidence), speaker)


def pool_adjacent_violators(confidence: list[float], right: list[float]) -> list[list[float]]:
    """[right, n] of each block, from the text book: neighbours that fall are joined until none does."""
    blocks: list[list[float]] = []
    for _, value in sorted(zip(confidence, right, strict=True)):
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
    return blocks


def test_the_isotonic_map_is_that_of_the_text_book():
    found = drawn(200, np.sqrt)
    points = isotonic(found)
    blocks = pool_adjacent_violators([*found.confidence, 0.0, 1.0], [*found.right, 1.0, 0.0])
    assert [share for _, share in points] == pytest.approx([right / n for right, n in blocks])
    assert all(np.diff(points, axis=0).ravel() > 0)
    assert all(0 < share < 1 for _, share in points)  # never certain, thanks to the two words that are added
    tied = isotonic(words([0.5, 0.5, 0.5, 0.9], [1, 0, 0, 1]))
    assert np.interp(0.5, *zip(*tied, strict=True)) == pytest.approx(2 / 4)  # the three, and the right word at 0


def test_platt_finds_the_curve_that_the_words_were_drawn_from():
    def curve(confidence):  # slope 0.6, shift -0.5 over the log-odds
        return 1 / (1 + np.exp(0.5 - 0.6 * np.log(confidence / (1 - confidence))))

    points = platt(drawn(40_000, curve))
    for confidence in (0.1, 0.4, 0.8, 0.97):
        assert np.interp(confidence, *zip(*points, strict=True)) == pytest.approx(curve(confidence), abs=0.015)
    falling = platt(drawn(2000, lambda confidence: 1 - confidence))
    assert np.ptp([share for _, share in falling]) < 0.02  # flat: a map never falls


def test_reliability_by_hand():
    found = reliability(np.array([0.05, 0.62, 0.68, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert [(each.n_words, each.confidence, each.right) for each in found.bins] == [
        (1, pytest.approx(0.05), 0.0), (2, pytest.approx(0.65), 0.5), (1, 1.0, 1.0)
    ]  # fmt: skip
    assert found.error == pytest.approx((0.05 + 2 * 0.15 + 0.0) / 4)
    assert (found.n_words, found.n_right) == (4, 2)


def test_calibrating_mends_words_that_are_less_sure_than_they_seem():
    """Right as often as the square of the confidence: uniform confidences are off by 1/2 - 1/3 on average."""
    base, adapted = (drawn(6000, np.square, seed) for seed in (1, 2))
    found = fit(base, adapted)
    for row in (found.base, found.adapted):
        assert row.raw.error == pytest.approx(1 / 6, abs=0.02)
        assert row.calibrated.error < 0.03
    assert np.interp(0.7, *zip(*found.points, strict=True)) == pytest.approx(0.49, abs=0.06)


def test_the_map_is_checked_on_speakers_that_it_was_not_fitted_on():
    both = drawn(4000, np.square)
    found = fit(both, both)
    speakers = np.unique(both.speaker)
    np.random.default_rng(calibration.SEED).shuffle(speakers)
    held_out = both.of(set(speakers[1::2]))
    assert found.base.raw == reliability(held_out.confidence, held_out.right)
    assert 0.3 < found.base.raw.n_words / 4000 < 0.7
    # Turn over what the held-out speakers said: the map must stay as it is.
    turned = replace(both, right=np.where(np.isin(both.speaker, speakers[1::2]), 1 - both.right, both.right))
    assert fit(turned, turned).points == found.points


def test_the_better_method_is_taken(monkeypatch):
    monkeypatch.setattr(calibration, "METHODS", {"worse": lambda _: ((0.0, 0.5), (1.0, 0.5)), "isotonic": isotonic})
    assert fit(drawn(2000, np.square), drawn(2000, np.square)).method == "isotonic"
    assert brier_score(((0.0, 0.5), (1.0, 0.5)), words([0.1, 0.9], [0, 1])) == 0.25


@pytest.mark.parametrize(("n_words", "n_speakers"), [(50, 10), (1000, 1)])
def test_too_few_words_or_speakers_are_refused(n_words, n_speakers):
    few = drawn(n_words, np.square, n_speakers=n_speakers)
    with pytest.raises(CalibrationError, match="too few to calibrate on: each half of the speakers must say 200 words"):
        fit(few, few)


@pytest.mark.parametrize(
    ("reference", "text", "right"),
    [
        ("turn on the lights", "Turn on, the night!", [True, True, True, False]),
        ("twenty one apples", "twenty-one apples", [True, True]),
        ("twenty one apples", "twenty two apples", [False, False, True]),  # one number, said wrong
        ("do not go", "don't go", [True, True]),
        ("go home", "um go home", [None, True, True]),
        ("go home", "go go home", [True, False, True]),
        ("the colour", "the color", [True, True]),
        ("stop", "", []),
        ("", "you", [False]),
    ],
)
def test_which_written_words_are_right(reference, text, right):
    found = words_right(reference, text.split())
    if text == "go go home":  # which of the two was added, no alignment can say
        assert sorted(map(str, found)) == sorted(map(str, right))
    else:
        assert found == right


def test_which_words_are_right_is_judged_in_the_language_that_was_spoken():
    assert words_right("um drei uhr", ["Um", "drei", "Uhr."], "de") == [True, True, True]
    assert words_right("um drei uhr", ["Um", "drei", "Uhr."], "en") == [None, True, True]  # a filler there


# The file beside the hypernetwork.


@pytest.fixture
def pair(backbone, make_hypernet, tmp_path):
    """A random pair, the folder of its hypernetwork, and a calibration for both."""
    hypernet = make_hypernet(backbone)
    save_hypernet(hypernet, tmp_path / "hypernet")
    found = fit(drawn(2000, np.square, 1), drawn(2000, np.square, 2))
    made = Calibration(
        base_model="whisper-random", hypernetwork="hypernet", base_fingerprint=backbone.fingerprint,
        hypernet_fingerprint=fingerprint(hypernet), method=found.method, n_recordings=10, n_simulated=4,
        n_words=4000, points=found.points, base=found.base, adapted=found.adapted,
    )  # fmt: skip
    return hypernet, tmp_path / "hypernet", made


def test_a_calibration_is_read_back_for_its_own_hypernetwork_under_any_token_embedding(pair, backbone, make_hypernet):
    hypernet, folder, made = pair
    assert load_calibration(folder, hypernet) is None
    save_calibration(made, folder)
    assert load_calibration(folder, hypernet) == made
    assert load_calibration(folder, make_hypernet(backbone, strength=0.5)) is None
    other = replace(made, base_fingerprint="0" * 16)
    save_calibration(other, folder)
    assert load_calibration(folder, hypernet) == other
    assert OTHER_EMBEDDING not in reliability_html(made, backbone.fingerprint)
    assert OTHER_EMBEDDING in reliability_html(other, backbone.fingerprint)


def with_points(text: str, points: list[list[float]]) -> str:
    return json.dumps(json.loads(text) | {"points": points})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[:-5], "it is not JSON"),
        (lambda text: "[1]", "it does not hold exactly the keys"),
        (lambda text: text.replace('"method"', '"way"'), "it does not hold exactly the keys"),
        (lambda text: text.replace('"error"', '"wrong"'), "its numbers are not as expected"),
        (lambda text: text.replace('"points": [', '"points": [["a"],'), "its numbers are not as expected"),
        (lambda text: with_points(text, []), "its points do not rise from 0 to 1"),
        (lambda text: with_points(text, [[0.6, 0.1], [0.4, 0.9]]), "its points do not rise from 0 to 1"),
        (lambda text: with_points(text, [[0.4, 0.9], [0.6, 0.1]]), "its points do not rise from 0 to 1"),
        (lambda text: with_points(text, [[0.4, 0.1], [1.2, 0.9]]), "its points do not rise from 0 to 1"),
        (lambda text: with_points(text, [[float("nan"), 0.1]]), "its points do not rise from 0 to 1"),
    ],
)
def test_a_damaged_calibration_says_what_to_do(pair, backbone, change, reason):
    hypernet, folder, made = pair
    save_calibration(made, folder)
    path = folder / "calibration.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(CheckpointError) as error:
        load_calibration(folder, hypernet)
    assert str(error.value).startswith(f"{path} cannot be used: {reason}")
    assert str(error.value).endswith("Delete it, or make it anew with `python -m hyper calibrate`.")


def test_words_of_a_comparison_are_calibrated_where_the_pair_is(pair, backbone, whisper_folder, speech_like):
    _, folder, made = pair
    raw = PersonalizedAsr.load(whisper_folder, folder, "cpu").compare(speech_like(2.0))
    save_calibration(made, folder)
    calibrated = PersonalizedAsr.load(whisper_folder, folder, "cpu").compare(speech_like(2.0))
    assert (raw.is_calibrated, calibrated.is_calibrated) == (False, True)
    for row in ("base", "adapted"):
        expected = word_confidences(backbone, getattr(raw, row).transcript)
        assert list(getattr(raw, row).words) == expected
        shares = np.interp([word.confidence for word in expected], *zip(*made.points, strict=True))
        found = getattr(calibrated, row).words
        assert [word.word for word in found] == [word.word for word in expected]
        assert [word.confidence for word in found] == pytest.approx(list(shares))
    record = calibrated.to_json()
    assert record["confidence_is_calibrated"] is True
    assert record["words"]["base"][0] == {
        "word": calibrated.base.words[0].word, "confidence": calibrated.base.words[0].confidence
    }  # fmt: skip


def test_the_figure_has_both_curves_of_both_rows_and_every_count(pair):
    _, _, made = pair
    for wide in (True, False):
        upper = [axes for axes in reliability_figure(made, wide=wide).axes if axes.get_legend()]
        for axes, row in zip(upper, (made.base, made.adapted), strict=True):
            diagonal, raw, calibrated = axes.lines
            for line, measured in ((raw, row.raw), (calibrated, row.calibrated)):
                assert list(line.get_ydata()) == [each.right for each in measured.bins]
                assert list(line.get_xdata()) == [each.confidence for each in measured.bins]
            looks = {(line.get_marker(), line.get_linestyle()) for line in (raw, calibrated)}
            assert len(looks) == 2  # told apart where there is no colour
        lower = [axes for axes in reliability_figure(made, wide=wide).axes if not axes.get_legend()]
        written = [text.get_text() for text in lower[0].texts]
        assert written == [f"{each.n_words:,}" for each in made.base.calibrated.bins]


# The command.


@pytest.fixture
def given(pair, whisper_folder, spoken, tmp_path) -> list[str]:
    """Arguments of the command, and where its figure goes."""
    _, folder, _ = pair
    models = ["--base", whisper_folder, "--hypernet", folder, "--device", "cpu"]
    return [str(argument) for argument in (spoken, "--results", tmp_path / "results", *models)]


def test_the_command_writes_what_the_page_reads(given, pair, backbone, tmp_path, monkeypatch, capsys):
    hypernet, folder, _ = pair
    monkeypatch.setattr(calibration, "LEAST_WORDS", 5)
    assert main(["calibrate", *given]) == 0
    made = load_calibration(folder, hypernet)
    assert (made.n_recordings, made.n_simulated) == (20, 15)
    asr = PersonalizedAsr(backbone, hypernet, "hypernet")
    rows = read_manifest(given[0])
    confidence, right = [], []
    for row in rows:  # independently: one by one, word by word, the reference's words are no numbers
        for transcript in (asr.compare(row.path).base.transcript, asr.compare(row.path).adapted.transcript):
            for word, raw in word_confidences(backbone, transcript):
                confidence.append(raw)
                right.append(word in row.reference.split())
    assert abs(made.n_words - len(confidence)) <= 0.1 * len(confidence)  # fillers and bare punctuation are left out
    printed = capsys.readouterr().out
    assert "base       expected calibration error" in printed and "20 recordings (15 of them simulated)" in printed
    assert {file.name for file in (tmp_path / "results").iterdir()} == {"reliability.pdf", "reliability.png"}
    assert PersonalizedAsr.load(given[4], folder, "cpu").calibration == made


@pytest.mark.parametrize("is_bundled", [True, False])
def test_no_other_pairs_figure_replaces_that_of_the_bundled_one(pair, tmp_path, monkeypatch, is_bundled):
    _, folder, made = pair
    asked = []
    monkeypatch.setattr(study, "fit_calibration", lambda *given: asked.append(given[3]) or made)
    monkeypatch.setattr(study, "ASSETS", folder.parent if is_bundled else tmp_path / "assets")
    monkeypatch.chdir(tmp_path)
    said = study.calibrate_pair(SimpleNamespace(hypernet_folder=folder), [], None, 1, "de")
    assert asked == ["de"]
    results = Path("assets/results") if is_bundled else folder
    assert f"{results}/reliability.pdf" in said and (results / "reliability.pdf").is_file()


def test_only_validation_speech_is_taken(given, spoken, tmp_path, capsys):
    rows = read_manifest(spoken)
    sentence = next(f"call {i}" for i in range(1000) if split_of(f"call {i}") == "test")
    test_row = replace(rows[0], file=str(rows[0].path), corpus="synthetic", domain="command", reference=sentence)
    write_manifest(tmp_path / "m.csv", [test_row])
    text = f"says '{sentence}', a sentence of the test split; please calibrate on speech made with `make-speech --split"
    one_line_failure(capsys, ["calibrate", tmp_path / "m.csv", *given[1:]], text)
    both = (f"call {i}" for i in range(1000) if split_of(f"call {i}") == "validation" != split_of(f"Call {i}."))
    validation = next(both).capitalize() + "."  # written as Whisper writes it is the same sentence
    write_manifest(tmp_path / "m.csv", [replace(test_row, reference=validation), replace(test_row, corpus="clinic")])
    assert len(validation_rows([str(tmp_path / "m.csv")])) == 2


def test_what_the_user_did_wrong_takes_one_line(given, spoken, tmp_path, capsys):
    assert main(["calibrate", *given]) == 1  # told after the work, since words are counted in transcripts
    assert "too few to calibrate on" in capsys.readouterr().err.splitlines()[-1]
    one_line_failure(
        capsys, ["calibrate", *given[:5]], "whisper-random has no hypernetwork, and the calibration is kept"
    )
    write_manifest(tmp_path / "m.csv", [replace(row, reference="") for row in read_manifest(spoken)])
    one_line_failure(capsys, ["calibrate", tmp_path / "m.csv", *given[1:]], "has no recording with a reference")
    assert not (tmp_path / "results").exists()


def test_a_calibration_in_json_has_no_number_that_json_lacks(pair):
    _, _, made = pair
    assert Calibration.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False))) == made
