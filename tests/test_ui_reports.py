"""What leaves the page, and what its plots say of a place: reports and figures in the page's other languages."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from plotly.graph_objects import Figure as PlotlyFigure
from pypdf import PdfReader
from test_clinic_report import LOOP, Page, evaluation, utterance
from test_plots import update
from test_ui_panels import comparison
from test_ui_said import asked_in, keys_of

from hyper.compare.calibration import Bin, Calibration, Reliability, RowReliability
from hyper.compare.guards import Flag
from hyper.compare.speaker import SpeakerComparison, SpeakerRecording
from hyper.compare.sweep import StrengthPoint
from hyper.compare.utterance import Failure
from hyper.compare.verdict import Verdict
from hyper.compare.voice_map import VoiceMap
from hyper.model.files import ASSETS
from hyper.plots import agreement, layers, sessions, sound, sweep, voice_map
from hyper.plots import style as plot_style
from hyper.plots.calibration import reliability_figure
from hyper.plots.style import worded
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.sound import look_at
from hyper.reports.content import clinic_report
from hyper.reports.html import html_text
from hyper.reports.one_recording import recording_report
from hyper.reports.parts import ClinicReport
from hyper.reports.pdf import pdf_bytes
from hyper.reports.speaker import speaker_evaluation, speaker_report
from hyper.ui import figures, languages
from hyper.ui.cards.calibration import reliability_html
from hyper.ui.languages import LANGUAGES, NUMBER, texts, tongue

IN_OTHERS = pytest.mark.parametrize("language", LANGUAGES)
PIXEL = plot_style.png(Figure((0.01, 0.01)))
ENGLISH = re.compile(r"\b(the|this|that|are|were|of|and|not|with|from|recording|words?|meant|device|page)\b", re.I)
NOW = datetime(2030, 3, 2, 4, 5)
MEANT = "turn on the light"
BAD = Failure(
    ManifestRow("bad.wav", Path("/t/bad.wav")), "bad.wav is empty (0 bytes); please record or export it again."
)
# Names of models, devices, files and versions, and what was said; numbers and parts of models.
NAMES = re.compile(
    r"whisper-mini|hypernet-mini|assets/.*|cpu|Python 3.*|bad\.wav|small|s[01]|1 a"
    r"|fc[12]|W[12]|#.*|[^A-Za-z]*|(self|cross)-att\. .*|(dec|enc) \d.*|[\d.,%{}:xyz]* ?(s|dB|Hz): .*"
    r"|.*%\{fullData.name\}.*|\$.*|(<b>)?here(: .*|</b>)?"
)


def reports() -> Iterator[ClinicReport]:
    """Every kind, in the language that is asked for."""
    five = [utterance(f"{i}", MEANT, MEANT, MEANT, speaker=f"s{i % 2}", simulated=i == 0) for i in range(6)]
    odd = [utterance("a", MEANT, "turn on", None, speaker="p"), utterance("c", "", "", "你好 ก", flags=(LOOP,))]
    yield clinic_report(evaluation(*five, failures=(BAD,)), remarks="-", now=NOW, tongue=tongue())
    yield clinic_report(
        replace(evaluation(utterance("a", MEANT, "of", "", simulated=True), base="small"), language="zh"),
        unnamed=frozenset({"a"}),
        now=NOW,
        tongue=tongue(),
    )
    quiet = utterance("a", MEANT, "of", None, flags=(Flag("quiet", 0.0, 0.1, ""),))
    yield clinic_report(evaluation(quiet), now=NOW, tongue=tongue())
    yield clinic_report(evaluation(*odd), now=NOW, tongue=tongue())
    for base, adapted, meant in (
        ("turn of light now", "turn on the light", MEANT),
        ("turn", "of", "turn"),
        ("turn", "of", None),
        ("turn off", "", "turn"),
        ("turn off now", None, "turn"),
        ("turn of the night", "", MEANT),
    ):
        yield recording_report(comparison(base, adapted, meant), "a", "abc123", now=NOW, tongue=tongue())
    silence = comparison("invented", "invented", "so", waveform=np.zeros(8000, np.float32))
    yield recording_report(replace(silence, n_pieces=2, language="de"), "a", "abc123", now=NOW, tongue=tongue())
    for meant in (MEANT, None):
        spoken = of_one_speaker(meant)
        listed = speaker_evaluation(spoken, [True, False], "abc123")
        yield speaker_report(spoken, listed, now=NOW, tongue=tongue())


def of_one_speaker(meant: str | None) -> SpeakerComparison:
    """Two recordings, of which an adaptation to the speaker repairs one word."""
    made, repaired = (comparison(base, "turn of", meant) for base in ("turn of the light", MEANT))
    rows = {"base": made.base, "utterance": made.adapted, "speaker": repaired.base}
    recordings = tuple(SpeakerRecording(name, 2.0, meant, rows, Verdict(None)) for name in ("a.wav", "b.wav"))
    return SpeakerComparison(recordings, None, None, None, "whisper-mini", "hypernet-mini", "cpu")


@cache
def plots() -> list[PlotlyFigure]:
    """Every plot of the page."""
    few = [update(f"model.decoder.layers.{i}.fc1", 0.01, (3.0, 0.5)) for i in range(2)]
    kinds = ("fc1", "fc2", "self_attn.q_proj", "encoder_attn.v_proj")
    many = [update(f"model.decoder.layers.0.{kind}", 0.01, (1.0,)) for kind in kinds]
    both = [*many, update("model.encoder.layers.0.fc1", 0.01, (1.0,))]
    row = comparison("turn", "on", MEANT).base
    points = [StrengthPoint(strength, row, 0) for strength in (0.0, 1.0, 2.0)]
    uncounted = [StrengthPoint(1.0, comparison("turn", "on").base, 0)]
    drawn = [plot(own) for plot in (layers.magnitude_figure, layers.inside_figure) for own in (few, many, both)]
    drawn += [sweep.sweep_figure(points), sweep.sweep_figure(uncounted)]
    drawn += [sound.sound_figure(look_at(np.ones(16_000, np.float32)))]
    drawn += [agreement.agreement_figure(np.eye(2), ["1", "2"]), sessions.sessions_figure([["1"]], [0.1], [0.2])]
    map_ = VoiceMap.load(ASSETS / "hypernet-mini" / "voice_map.safetensors")
    here = voice_map.Visitor("here", map_.whereabouts(map_.mean, is_mean=False), is_main=True)
    return [*drawn, voice_map.map_figure(map_, [here])]


def prints() -> Iterator[Figure]:
    """Every figure that the page gives away for print, and the one that it shows as a picture."""
    few = [update(f"model.decoder.layers.{i}.fc1", 0.01, (3.0, 0.5)) for i in range(2)]
    row = comparison("turn", "on", MEANT).base
    yield layers.magnitude_print(few)
    yield sweep.sweep_print([StrengthPoint(strength, row, 0) for strength in (0.0, 1.0, 2.0)])
    yield sound.sound_print(look_at(np.ones(16_000, np.float32)))
    yield agreement.agreement_print(np.eye(2), np.eye(2), ["1", "2"])
    yield reliability_figure(calibration())


def calibration() -> Calibration:
    measured = Reliability(9, 5, 0.1, (Bin(9, 0.5, 0.5),))
    row = RowReliability(measured, measured)
    return Calibration("small", "mini", "a", "b", "platt", 9, 4, 18, ((0.0, 0.0), (1.0, 1.0)), row, row)


@cache
def said_in_reports() -> frozenset[str]:
    """Every text that is to be said in any of these."""
    found: set[str] = set()

    def note(text: str, language: str = "") -> str:
        found.add(text)
        return text

    with pytest.MonkeyPatch.context() as patch, asked_in("de"):
        patch.setattr(languages, "translated", note)
        patch.setattr(figures, "word", note)
        patch.setattr(plot_style, "png", lambda *_: PIXEL)  # what takes time, and says nothing
        for report in reports():
            html_text(report)
            if report.remarks or len(report.recordings) == 2:
                pdf_bytes(report)
        for plot in plots():
            figures.interactive(plot, "Sessions")
        for figure in prints():
            worded(figure, languages.say)
        reliability_html(calibration())
    return frozenset(found)


def test_every_text_of_reports_and_figures_has_a_translation():
    assert {
        text
        for text in said_in_reports()
        if not keys_of(text) and not (NAMES.fullmatch(text) or NUMBER.fullmatch(text))
    } == set()


@IN_OTHERS
def test_no_plot_says_a_word_of_english_of_a_place(language):
    with asked_in(language):
        drawn = [json.loads(figures.interactive(plot, "Sessions").plot) for plot in plots()]
    said = {series.get("hovertemplate", "").partition("<extra>")[0] for each in drawn for series in each["data"]}
    words = {word for text in said for word in re.findall(r"[^\W\d_]{3,}", re.sub(r"%\{.*?\}", "", text))}
    own = {word for text in texts(language).values() for word in re.findall(r"[^\W\d_]{3,}", text)}
    assert len(words) > 9 and words - own - {"here"} == set() and not {"layer", "strength", "words", "wrong"} & words


@IN_OTHERS
def test_titles_of_axes_fit_beside_them(language):
    most = {"yaxis": 34, "yaxis2": 14}  # letters along a plot's height, and along the row of the pitch
    with asked_in(language):
        layouts = [json.loads(figures.interactive(plot, "Sessions").plot)["layout"] for plot in plots()]
    assert {each["separators"] for each in layouts} == {",."}
    titles = [(axis, each[axis].get("title", {}).get("text", "")) for each in layouts for axis in most if axis in each]
    assert len(titles) > 10 and [title for axis, title in titles if len(title) > most[axis]] == []


def text_of_pdf(report: ClinicReport) -> str:
    reader = PdfReader(io.BytesIO(pdf_bytes(report)), strict=True)
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", ["2. März 2030, 04:05 Uhr", "1 Fehler bei 2 Wörtern (1 ersetzt)", "gemeint: sigma", "Seite 1 von 1"]),
        ("es", ["2 de marzo de 2030, 04:05", "1 error en 2 palabras (1 sustituida)", "se quiso decir: sigma"]),
        ("it", ["2 marzo 2030, 04:05", "1 errore su 2 parole (1 sostituita)", "inteso: sigma"]),
        ("tr", ["2 Mart 2030, 04:05", "2 sözcükte 1 hata (1 değişen)", "kastedilen: sigma", "Sayfa 1/1"]),
    ],
)
def test_a_report_is_written_in_the_visitors_language(language, expected):
    with asked_in(language):
        made = comparison("kappa omega", "kappa sigma", "kappa sigma")
        report = recording_report(made, "kitchen", "abc123", now=NOW, tongue=tongue())
        html = html_text(report)
    assert f'<html lang="{language}">' in html
    page = " ".join(Page(html.partition("</head>")[2]).text.split())
    paper = text_of_pdf(report)
    assert [text for text in expected if text not in paper] == []
    assert [text for text in expected[:3] if text not in page] == []
    assert ENGLISH.findall(page + paper) == []


def test_printed_figures_write_numbers_as_the_language_does():
    figure = Figure()
    axes = figure.subplots()
    axes.bar_label(axes.bar([0.5, 1.5], [0.25, 1234.5]), ["0.25", "1,234.5"])
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    worded(figure, str)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ticks
    with asked_in("de"):
        worded(figure, languages.say)
        figure.draw_without_rendering()
        assert "0,5" in [tick.get_text() for tick in axes.get_xticklabels()]
    assert [text.get_text() for text in axes.texts] == ["0,25", "1.234,5"]


def test_printed_figures_speak_the_visitors_language_and_keep_names():
    figure = Figure()
    axes = figure.subplots()
    axes.barh(["recording", "mild"], [1, 2])
    axes.set_xticks([0, 1], ["0\nbase", "layer 1"])
    axes.set_xlabel("word error rate, %")
    with asked_in("tr"):
        worded(figure, languages.say)
    figure.draw_without_rendering()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0\ntemel", "1. katman"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["recording", "mild"]
    assert axes.get_xlabel() == texts("tr")["word error rate, %"]
