"""The scorecard's figures show the rates they were given, say what is simulated, and need no colour."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from hyper.plots.experiments import COLOURS, ceiling_figure
from hyper.plots.scorecard import INTERVAL_NOTE, people_figure, severity_figure, write_figures


def group(by: str, value: str, base: float, adapted: float, interval: bool = True) -> dict:
    return {
        "by": by,
        "value": value,
        "n_utterances": 1200,
        "n_speakers": 6 if interval else None,
        "base_wer": base,
        "adapted_wer": adapted,
        "base_wer_interval": [base - 0.1, base + 0.2] if interval else None,
        "adapted_wer_interval": [adapted - 0.05, adapted + 0.05] if interval else None,
    }


def cells(cohort: str) -> list[dict]:
    rates = {"severe": (0.6, 0.3), "mild": (0.2, 0.1), "moderate": (0.4, 0.2)}  # not in order
    return [group("cohort, severity", f"{cohort}, {severity}", *both) for severity, both in rates.items()]


CORPORA = [group("corpus", "digits", 0.5, 0.4), group("corpus", "readers", 0.8, 0.7, interval=False)]


def errorbars(figure: Figure, panel: int = 0) -> dict[str, ErrorbarContainer]:
    return {bars.get_label(): bars for bars in figure.axes[panel].containers}


def test_each_cohort_has_a_panel_with_its_rates_in_order_of_severity():
    figure = severity_figure(cells("stuttering"), cells("mixed"))
    assert [axes.get_title() for axes in figure.axes] == ["stuttering", "mixed,\nnot trained on"]
    base, adapted = errorbars(figure).values()
    assert list(base.lines[0].get_ydata()) == pytest.approx([20, 40, 60])
    assert list(adapted.lines[0].get_ydata()) == pytest.approx([10, 20, 30])
    (segments,) = base.lines[2]
    assert [segment[:, 1].tolist() for segment in segments.get_segments()] == [
        pytest.approx([10, 40]), pytest.approx([30, 60]), pytest.approx([50, 80])
    ]  # fmt: skip


def test_figures_say_what_is_simulated_their_units_and_what_the_bars_are():
    simulated, real = severity_figure(cells("stuttering")), people_figure(CORPORA, [None, None])
    assert simulated.get_suptitle().startswith("Simulated")
    assert real.get_suptitle() == "Real people as they are, nothing simulated"
    assert simulated.axes[0].get_ylabel() == real.axes[0].get_xlabel() == "word error rate, %"
    assert {figure.legends[0].get_title().get_text() for figure in (simulated, real)} == {INTERVAL_NOTE}


def test_rows_differ_in_marker_and_filling_not_in_colour_alone():
    for figure in (severity_figure(cells("stuttering")), people_figure(CORPORA, [0.9, None])):
        lines = [bars.lines[0] for bars in errorbars(figure).values()]
        assert len({line.get_marker() for line in lines}) == len(lines)


def test_real_people_stand_beside_the_base_before_where_it_is_known():
    figure = people_figure(CORPORA, [0.9, None])
    bars = errorbars(figure)
    assert list(bars) == ["base before", "base", "adapted to the recording"]
    assert list(bars["base before"].lines[0].get_xdata()) == [90]
    assert list(bars["base"].lines[0].get_xdata()) == [50, 80]
    ends = [segment[:, 0].tolist() for segment in bars["base"].lines[2][0].get_segments()]
    assert ends == [pytest.approx([40, 70]), pytest.approx([80, 80])]  # no interval, no bar
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["digits\n1,200 recordings, 6 speakers", "readers\n1,200 recordings"]
    assert "base before" not in errorbars(people_figure(CORPORA, [None, None]))


def test_no_series_has_the_colour_of_the_bases_own_line():
    rates = {"wer": 0.2, "wer_interval": None}
    figure = ceiling_figure({str(i): [(1, rates), (2, rates)] for i in range(len(COLOURS))}, rates)
    (base,) = [line for line in figure.axes[0].lines if line.get_label() == "base"]
    colours = [bars.lines[0].get_color() for bars in errorbars(figure).values()]
    assert base.get_color() not in colours and len({*colours}) == len(COLOURS)


def test_figures_are_written_where_their_sets_were_scored(tmp_path: Path):
    report = {"sets": {"atypical-commands-known": {"cells": cells("stuttering")}}}
    write_figures(report, None, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["simulated-severity.pdf", "simulated-severity.png"]
    before = {"sets": {"people": {"groups": [{"by": "corpus", "value": "digits", "base_wer": 0.9}]}}}
    report["sets"]["people"] = {"groups": [group("all", "all", 0.6, 0.5), *CORPORA]}
    write_figures(report, before, tmp_path)
    assert (tmp_path / "real-people.pdf").read_bytes().startswith(b"%PDF-")
    assert matplotlib.image.imread(tmp_path / "real-people.png").std() > 0.05  # something is drawn
