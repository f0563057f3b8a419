"""Every figure by its name, as files for slides."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from served import ROOT
from test_ui_panels import comparison

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.voice_map import MapError
from hyper.plots import layers as layer_plots
from hyper.plots import style
from hyper.study import figures
from hyper.study.figures import FigureError, write_figures


def small_print() -> Figure:
    figure = Figure(figsize=(10, 5), layout="constrained")
    figure.subplots().plot([0, 1], [1, 2], linewidth=1)
    figure.axes[0].set_title("small", fontsize=7)
    return figure


@pytest.mark.parametrize("is_transparent", [False, True])
def test_a_slide_is_three_files_with_large_type(tmp_path, is_transparent):
    figure = small_print()
    png, svg, pdf = style.save_slide(figure, tmp_path / "small", is_transparent)
    pixels = matplotlib.image.imread(io.BytesIO(png.read_bytes()))
    assert pixels.shape[:2] == (1080, 1919)
    assert pixels[5, 5, 3] == (0 if is_transparent else 1)
    assert svg.read_text().startswith("<?xml") and pdf.read_bytes().startswith(b"%PDF-")
    assert min(text.get_fontsize() for text in figure.findobj(Text)) == style.SLIDE_POINTS
    assert figure.axes[0].lines[0].get_linewidth() == pytest.approx(13.33 / 10)


def test_an_unknown_figure_lists_those_there_are(tmp_path):
    with pytest.raises(FigureError, match=re.escape("There is no figure 'x'. Of the results in")) as caught:
        write_figures("x", tmp_path, tmp_path, None, [])
    named = "Of one recording, with --audio FILE: sound, layers, inside, strengths, voice, reliability. Of one speaker"
    assert f"none. {named}" in str(caught.value)
    with pytest.raises(FigureError, match="The figure sound is of one recording; name it with --audio FILE."):
        write_figures("sound", tmp_path, tmp_path, None, [])
    with pytest.raises(FigureError, match="The figure agreement is of one speaker; name two recordings or more"):
        write_figures("agreement", tmp_path, tmp_path, None, [])


def test_a_figure_of_a_recording_and_one_of_the_study_are_drawn_from_their_numbers(tmp_path, monkeypatch):
    made = comparison("turn on", "turn off")
    asked = []
    asr = SimpleNamespace(compare=lambda *_, language: asked.append(language) or made, calibration=None)
    files = write_figures("layers", tmp_path / "out", tmp_path, asr, [tmp_path / "a.wav"], language="de")
    assert asked == ["de"]
    assert [file.name for file in files] == ["layers.png", "layers.svg", "layers.pdf"]
    assert all(file.stat().st_size > 1000 for file in files)
    record = tmp_path / "experiment-budget.json"
    record.write_text('{"seen": true}')
    seen = []
    monkeypatch.setattr(
        "hyper.study.experiments.budget.Budget.figure", lambda self, record: seen.append(record) or small_print()
    )
    assert write_figures("budget", tmp_path / "out", tmp_path, None, [])
    assert seen == [{"seen": True}]


def test_every_figure_of_recordings_is_drawn_by_the_bundled_pair(tmp_path):
    asr = PersonalizedAsr.load(device="cpu")
    recordings = [ROOT / "examples" / name for name in ("dysarthria_moderate.wav", "typical_1.wav")]
    files = write_figures("all", tmp_path / "out", tmp_path, asr, recordings, reference="call my sister")
    names = ["sound", "layers", "inside", "strengths", "voice", "reliability", "agreement"]
    assert [file.name for file in files] == [f"{name}.{kind}" for name in names for kind in ("png", "svg", "pdf")]
    assert all(file.stat().st_size > 1000 for file in files)


def test_all_figures_of_a_pair_without_a_voice_map_are_those_that_there_are(tmp_path, monkeypatch):
    made = comparison("turn on", "turn off")
    asr = SimpleNamespace(compare=lambda *_, language: made, calibration=None, hypernet_folder=None, fingerprints=None)
    monkeypatch.setitem(figures.OF_RECORDING, "strengths", lambda *_: small_print())
    files = write_figures("all", tmp_path / "out", tmp_path, asr, [tmp_path / "a.wav"])
    assert [file.stem for file in files][::3] == ["sound", "layers", "inside", "strengths"]
    with pytest.raises(MapError, match="There is no map for this model yet"):
        write_figures("voice", tmp_path / "out", tmp_path, asr, [tmp_path / "a.wav"])


def test_other_recordings_are_heard_in_the_language_that_is_asked_for(tmp_path, monkeypatch):
    """All strengths, and the others of a speaker."""
    heard = []
    made = replace(comparison("turn on", "turn off"), language="de")
    asr = SimpleNamespace(
        compare=lambda *_, language: made, calibration=None, prepare=lambda _, language: heard.append(language)
    )
    agreement = SimpleNamespace(written_deg=np.zeros((2, 2)), read_deg=np.zeros((2, 2)))
    found = SimpleNamespace(agreement=agreement)
    monkeypatch.setattr(figures, "compare_speaker", lambda *_, language: heard.append(language) or found)
    monkeypatch.setattr(figures, "sweep", lambda *_: [])
    monkeypatch.setattr(figures, "sweep_print", lambda _: small_print())
    for name in ("strengths", "agreement"):
        write_figures(name, tmp_path, tmp_path, asr, [tmp_path / "a.wav"] * 2, language="de")
    assert heard == ["de", "de"]


def test_without_a_hypernetwork_there_is_the_sound_alone(tmp_path):
    asr = SimpleNamespace(compare=lambda *_, language: comparison("turn on", None))
    with pytest.raises(FigureError, match="There is no figure 'layers'"):
        write_figures("layers", tmp_path, tmp_path, asr, [tmp_path / "a.wav"])


def test_what_is_inside_is_printed_as_it_is_shown():
    layers = comparison("turn on", "turn off").layers
    (dots,) = layer_plots.inside_print(layers).axes[0].lines
    assert list(dots.get_ydata()) == [0.5]


def test_the_printed_map_has_every_speaker_and_the_visitor():
    from hyper.compare.voice_map import Kind
    from hyper.plots.voice_map import Visitor, map_print

    kinds = (Kind("typical", "", False), Kind("stuttering", "mild", True), Kind("stuttering", "severe", True))
    points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    voices = SimpleNamespace(kinds=kinds, points=points, explained=(0.4, 0.1))
    where = SimpleNamespace(x=1.0, y=2.0)
    axes = map_print(voices, [Visitor("this recording", where, is_main=True), Visitor("1", where)]).axes[0]
    assert sorted(len(group.get_offsets()) for group in axes.collections) == [1, 2]
    assert [text.get_text() for text in axes.texts] == ["1"]
