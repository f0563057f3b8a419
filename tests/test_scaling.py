"""How the cost of a comparison grows: slopes of known lines, what is measured, and what is written of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hyper.__main__ import main
from hyper.compare import scaling
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scaling import ALONE, BOTH, QUICK, Extent, Point, growth, lasting, measure, measured_point
from hyper.model.checkpoint import save_hypernet
from hyper.study.experiments.results_page import draw_results
from hyper.study.figures import study_figures
from hyper.study.scaling import draw_scaling


def points(xs, alone, both) -> list[Point]:
    return [Point(f"{x:g} s", x, alone(x), both(x), both(x) / alone(x), (0.0, 9.0)) for x in xs]


def test_slopes_are_those_of_the_lines():
    found = growth("length", "length, s", points([1, 2, 5, 40, 80], lambda x: 3 * x, lambda x: 5 * x**1.5))
    assert found.slopes == pytest.approx({ALONE: 1.0, BOTH: 1.5}) and found.reference == "5 s"
    ranks = points([1, 2, 8], lambda x: 10.0, lambda x: 10 * (1.2 + 0.25 * x))
    assert growth("rank", "rank", ranks, is_log=False).slopes == pytest.approx({BOTH: 0.25})


def test_what_is_flat_below_one_window_is_left_out_of_the_slope():
    flat = points([1, 5, 10, 20, 40], lambda x: max(10.0, x), lambda x: 2 * max(10.0, x))
    assert growth("length", "length, s", flat, fitted_from=10).slopes == pytest.approx({ALONE: 1.0, BOTH: 1.0})
    assert growth("length", "length, s", flat).slopes[ALONE] < 0.7
    whole = growth("length", "length, s", flat[:3], fitted_from=10)  # one point has no slope
    assert whole.fitted_from == 0 and whole.slopes[ALONE] == pytest.approx(0)


def test_each_way_is_measured_in_turn_and_the_first_round_warms_up(monkeypatch):
    waits = iter([50.0, 70.0, 12.0, 4.0, 2.0, 8.0, 12.0, 2.0])  # alone both, both alone, alone both, both alone
    monkeypatch.setattr(scaling, "timed", lambda run, _: (next(waits), None))
    monkeypatch.setattr(scaling, "PersonalizedAsr", lambda *_: None)
    found = measured_point("here", 5, type("Asr", (), {"backbone": None})(), np.zeros(1), rounds=3)
    assert found == Point("here", 5, 2000.0, 8000.0, ratio=4.0, quartiles=(3.5, 5.0))  # 3, 4 and 6 times as long


def test_a_recording_lasts_as_long_as_is_wanted():
    speech = np.arange(16_000, dtype=np.float32)
    assert np.array_equal(lasting(speech, 0.5), speech[:8000])
    assert np.array_equal(lasting(speech, 2.25), np.concatenate([speech, speech, speech[:4000]]))


def test_long_recordings_are_measured_less_often():
    assert [Extent().rounds_of(seconds) for seconds in (1, 10, 30, 600)] == [9, 9, 3, 2]


def test_what_is_measured_writes_as_much_in_both_rows(backbone, make_hypernet, speech_like, monkeypatch):
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")
    written, transcribe = [], scaling.transcribe

    def noted(own, waveform):
        rows = transcribe(own, waveform)
        written.append((len(waveform), rows, own.hypernet and own.hypernet.config.rank))
        return rows

    monkeypatch.setattr(scaling, "transcribe", noted)
    length, size, rank, targets = measure(asr, speech_like(1.0), QUICK)
    assert [point.x for point in length.points] == [1, 2, 4] and [point.x for point in rank.points] == [1, 4]
    assert [point.label for point in size.points] == ["mini", "tiny"] and size.points[0].x < size.points[1].x
    assert [(point.label, point.x) for point in targets.points] == [("decoder.fc1", 2), ("decoder", 20)]  # two layers
    of_both = [(rows, rank) for n, rows, rank in written if rank and n == 5 * 16_000]
    assert {rank for _, rank in of_both} == {1, 4} and len(of_both) == 6 * (QUICK.rounds + 1)
    assert all(base == adapted for (base, adapted), _ in of_both)
    sizes = [rows[0] for n, rows, _ in written if n == 5 * 16_000][: 4 * (QUICK.rounds + 1)]
    assert {len(tokens) for tokens in sizes} == {scaling.N_WRITTEN}


@pytest.fixture(scope="module")
def out(backbone, whisper_folder, make_hypernet, tmp_path_factory):
    """What `bench --scale` writes."""
    folder = tmp_path_factory.mktemp("scaling")
    save_hypernet(make_hypernet(backbone), folder / "hypernet")
    models = ["--base", str(whisper_folder), "--hypernet", str(folder / "hypernet"), "--device", "cpu"]
    assert main(["bench", "--scale", str(folder / "results"), "--quick", *models]) == 0
    return folder / "results"


def test_numbers_table_and_figure_are_written(out):
    assert sorted(file.name for file in out.iterdir()) == [f"scaling.{kind}" for kind in ("json", "md", "pdf", "png")]
    record = json.loads((out / "scaling.json").read_text())
    assert [each["name"] for each in record["growths"]] == ["length", "size", "rank", "targets"]
    table = (out / "scaling.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 * 2 + 4 + 3 + 2 + 2 + 2
    ratio = record["growths"][2]["points"][1]["ratio"]
    assert (
        f"| rank | rank 4 | {record['growths'][2]['points'][1]['alone_ms']:.0f} |" in table and f"{ratio:.2f}" in table
    )
    assert "whisper-random with hypernet on cpu" in table and "random" in table


def test_the_figure_is_drawn_anew_from_the_numbers(out):
    table = (out / "scaling.md").read_text()
    (out / "scaling.md").unlink()
    draw_scaling(out)
    assert (out / "scaling.md").read_text() == table
    figure = study_figures(out)["scaling"]()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Length", "Model size", "Rank", "Adapted layers"]
    slopes = [each["slopes"] for each in json.loads((out / "scaling.json").read_text())["growths"]]
    legends = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes]
    assert (
        f"{slopes[0][BOTH]:.2f}" in legends[0][1] and f"{slopes[3][BOTH]:+.4f} for each further matrix" in legends[3][1]
    )
    (out / "scaling.png").unlink()
    draw_results(out)
    assert (out / "scaling.png").is_file()
