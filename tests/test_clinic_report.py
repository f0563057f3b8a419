"""The report says what was found and no more: escaped, without sound, readable by other programs."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from test_ui_panels import comparison
from test_ui_said import asked_in

from hyper.compare.evaluation import Evaluation
from hyper.compare.guards import Flag
from hyper.compare.row import Row
from hyper.compare.transcript import Transcript
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.metrics.intervals import Interval
from hyper.metrics.word_errors import word_errors
from hyper.model.files import ASSETS
from hyper.model.info import card_section
from hyper.model.subspace import LayerSize
from hyper.plots.report import LINES_PER_FIGURE, WerLine, layer_figure, wer_figures
from hyper.recordings.manifest import ManifestRow
from hyper.reports.content import NO_ERRORS, clinic_report, evaluation_outcome, interval_text, rate_cells
from hyper.reports.html import html_text
from hyper.reports.one_recording import count_text, recording_report
from hyper.reports.parts import (
    CAUTION,
    HIDDEN_MEANING,
    MARKS_MEANING,
    NO_REFERENCE,
    NO_SPEECH,
    SIMULATED_TRAINING,
    ClinicReport,
)
from hyper.reports.pdf import MISSING_LETTERS, pdf_bytes
from hyper.reports.table import RECORDINGS, SPEAKERS, groups_sheet, recordings_sheet, wer_intervals
from hyper.ui.languages import tongue

ATTACK = "<script>alert('x')</script>"
QUIET = Flag("quiet", 0.0, 0.1, "Nothing stands out from the noise.")
LOOP = Flag(
    "loop",
    "repetition",
    None,
    "The model began to say the same thing over and over and was made to go on without; what follows may be wrong.",
)


def said(text: str, meant: str) -> Row:
    return Row(Transcript(text, (), (), "end", None), word_errors(meant, text) if meant else None)


def utterance(file: str, meant: str, base: str, adapted: str | None, **settings) -> ScoredUtterance:
    flags = settings.pop("flags", ())
    sizes = (0.1, 0.3) if adapted is not None else ()
    layers = tuple(LayerSize(f"model.decoder.layers.{i}.fc1", size) for i, size in enumerate(sizes))
    return ScoredUtterance(
        recording=ManifestRow(file, Path("/secret/folder") / file, meant, **settings),
        base=replace(said(base, meant), flags=flags),
        adapted=None if adapted is None else said(adapted, meant),
        layers=layers,
        seconds=2.0,
    )


def evaluation(*utterances: ScoredUtterance, failures: tuple[Failure, ...] = (), base: str = "whisper-mini"):
    return Evaluation(base, "hypernet-mini", "cpu", utterances, failures, "en", "abc123")


@pytest.fixture(scope="module")
def usual() -> Evaluation:
    return evaluation(
        utterance("a.wav", "turn on the light", "turn on the night", "turn on the light", speaker="p1", simulated=True),
        utterance("b.wav", "call my sister", "call call my sister", "call sister", speaker="p1", flags=(LOOP,)),
        utterance("c.wav", "", "good morning", "good morning", note=ATTACK),
        failures=(Failure(ManifestRow("bad.wav", Path("/t/bad.wav")), "bad.wav is not an audio recording."),),
    )


@pytest.fixture(scope="module")
def report(usual) -> ClinicReport:
    return clinic_report(usual, subject="Case 12 " + ATTACK, remarks="first\nsecond", now=datetime(2030, 2, 3, 4, 5))


@pytest.fixture(scope="module")
def printed(report) -> bytes:
    """Its PDF."""
    return pdf_bytes(report)


def pdf_text(report: ClinicReport) -> str:
    return words_of(pdf_bytes(report))


def words_of(pdf: bytes) -> str:
    """All of them, by another program than the one that wrote it."""
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


class Page(HTMLParser):
    """Tags and text of a page, as a browser sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


MUST_SAY = [
    "Case 12 <script>alert('x')</script>", "03 February 2030, 04:05", "first", "second",
    "1 of these 3 recordings are simulated", SIMULATED_TRAINING, CAUTION,
    "3 recordings, 2 of them with a reference text. Word error rate, all words pooled: base 28.6 %, adapted 14.3 %.",
    "turn on the night", "call call", "good morning", ATTACK,
    "WER 25.0 %: 1 substituted, 0 deleted, 0 inserted", "WER 33.3 %: 0 substituted, 0 deleted, 1 inserted",
    LOOP.reason, "4 bad.wav: bad.wav is not an audio recording.",
    "whisper-mini", "hypernet-mini", "abc123", "language en", "strength 1", "torch", "transformers",
    "Word error rate of each recording (1 of 3 simulated)", "Where the model was changed (1 of 3 simulated)",
]  # fmt: skip


@pytest.fixture(scope="module")
def paper(printed) -> str:
    return words_of(printed).replace(" ", "")


@pytest.mark.parametrize("words", MUST_SAY)
def test_html_and_pdf_say_it(report, paper, words):
    page = " ".join(Page(html_text(report)).text.split())
    assert words in page
    assert words.replace(" ", "") in paper  # lines break where the paper ends


def test_the_page_runs_nothing_asks_nothing_and_holds_no_sound(report):
    page = Page(html_text(report))
    assert {tag for tag, _ in page.tags} & {"script", "audio", "video", "iframe", "link", "object", "form"} == set()
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert len(sources) == 2 and all(source.startswith("data:image/png;base64,") for source in sources)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert (
        "http" not in html_text(report)
        and html_text(report).count("url(") == html_text(report).count('url("data:font/woff2;') == 2
    )
    assert "/secret" not in html_text(report)


def test_nothing_that_anybody_or_a_model_wrote_becomes_a_tag():
    everywhere = evaluation(
        utterance(ATTACK, ATTACK, ATTACK, ATTACK, speaker=ATTACK, note=ATTACK, flags=(Flag("x", "x", None, ATTACK),)),
        failures=(Failure(ManifestRow(ATTACK, Path("x")), ATTACK),),
        base=ATTACK,
    )
    page = html_text(clinic_report(everywhere, subject=ATTACK, remarks=ATTACK))
    assert "<script" not in page
    assert (
        Page(page).text.count(ATTACK) == 13
    )  # heading 3, meant, 2 transcripts, warning, failure 2, group, typed 2, model


def test_the_pdf_holds_no_sound_and_no_script(printed, paper):
    reader = PdfReader(io.BytesIO(printed), strict=True)
    objects = [reader.get_object(i) for generation in reader.xref.values() for i in generation if i]
    kinds = {str(each.get("/Type", "")) for each in objects if hasattr(each, "get")}
    assert "/Page" in kinds and not kinds & {"/Sound", "/EmbeddedFile", "/JavaScript", "/Movie", "/RichMedia"}
    assert reader.attachments == {}
    assert b"/JS" not in printed and "/secret" not in paper
    assert all([float(side) for side in page.mediabox[2:]] == pytest.approx([595.28, 841.89]) for page in reader.pages)


def test_names_that_were_not_given_do_not_stand_in_the_report(usual):
    hidden = clinic_report(usual, unnamed=frozenset({"a.wav", "bad.wav"}))
    text = html_text(hidden) + pdf_text(hidden)
    assert "a.wav" not in text and "bad.wav" not in text and "b.wav" in text
    assert "recording 1" in text and "1 recording 1" not in text
    assert "recording 4: The file is not an audio recording." in text


def test_wrong_words_are_marked_in_words_and_keep_their_capitals(paper, report):
    page = html_text(report)
    assert "<b>night</b><small>meant: light</small>" in page
    assert "<ins>call</ins><small>added</small>" in page and "<del>my</del><small>missing</small>" in page
    assert all(words in paper for words in ("night" + "meant:light", "added", "missing"))
    assert MARKS_MEANING in page


def test_transcripts_follow_the_outcome_so_that_the_first_page_is_full(printed):
    first = PdfReader(io.BytesIO(printed), strict=True).pages[0].extract_text()
    assert "turn on the night" in " ".join(first.split())


def test_the_font_is_the_pages_own_and_is_in_the_file(printed):
    fonts = {
        str(font.get_object()["/BaseFont"]): font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        for page in PdfReader(io.BytesIO(printed), strict=True).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("IBMPlexSansBold" in name for name in fonts) and len(fonts) >= 2
    assert all("/FontFile2" in description for description in fonts.values())


def test_the_report_on_one_recording_is_one_page_of_counts():
    made = comparison("Turn on the night", "Turn on the", "turn on the light")
    report = recording_report(made, "kitchen", "abc123", subject="Case 12", simulated="A program made it.")
    assert report.outcome == "Base: 1 error in 4 words (1 replaced). Adapted: 1 error in 4 words (1 missing)."
    assert len(PdfReader(io.BytesIO(pdf_bytes(report)), strict=True).pages) == 1
    for text in (Page(html_text(report)).text, pdf_text(report)):
        text = " ".join(text.split())
        assert all(words in text for words in ("Case 12", "kitchen · 0.5 s", "meant: light", "missing", "strength 1",
                                               "abc123", "A program made it.", MARKS_MEANING))  # fmt: skip
        assert "WER" not in text
    right = recording_report(comparison("turn on", None, "turn on"), "a", "f")
    assert right.outcome == "Base: all 2 words right." and [row.name for row in right.recordings[0].rows] == ["base"]
    assert recording_report(comparison("turn on", "turn"), "a", "f").outcome == NO_REFERENCE
    assert count_text(word_errors("so", "so")) == "the one word right"


def test_the_report_on_one_recording_holds_what_was_said_and_counts_against_it():
    made = comparison("turn on", "t turn on", "turn on", "t t turn on")
    report = recording_report(made, "a", "f")
    scores = ("all 2 words right; verbatim: 2 errors in 4 words (2 missing)",
              "1 error in 2 words (1 added); verbatim: 1 error in 4 words (1 missing)")  # fmt: skip
    assert report.outcome == f"Base: {scores[0]}. Adapted: {scores[1]}."
    for text in (Page(html_text(report)).text, pdf_text(report)):
        text = " ".join(text.split())
        assert all(words in text for words in ("What was said (verbatim)", "t t turn on", *scores))
    alone = recording_report(comparison("turn on", None, None, "t turn on"), "a", "f")
    assert alone.outcome == "Base: verbatim: 1 error in 3 words (1 missing)."
    silence = comparison("so", "so", "so", "s so", waveform=np.zeros(8000, np.float32))
    assert "verbatim: " not in " ".join(row.score for row in recording_report(silence, "a", "f").recordings[0].rows)


def test_the_report_on_silence_repeats_no_invented_words():
    silence = comparison("invented", "invented", "so", waveform=np.zeros(8000, np.float32))
    report = recording_report(silence, "a", "f")
    assert "invented" not in html_text(report) and NO_SPEECH in html_text(report)
    assert report.outcome == "No speech was found, so there is nothing to count."


def test_words_that_nobody_said_are_counted_and_not_repeated(usual):
    """Neither by the report on many nor in the tables; what the guards say stands in their place."""
    silent = utterance("a.wav", "so", "thanks for watching", "invented", flags=(QUIET,))
    silent = replace(silent, adapted=replace(silent.adapted, flags=(QUIET,)))
    found = evaluation(silent, utterance("b.wav", "so", "so", "so"))
    report = clinic_report(found)
    visible, paper = " ".join(Page(html_text(report)).text.split()), pdf_text(report)
    for text in (visible, paper):
        assert "watching" not in text and "invented" not in text
        assert text.count(NO_SPEECH) == 2 and QUIET.reason in text and HIDDEN_MEANING in text
    assert "WER 300.0 %: 1 substituted, 0 deleted, 2 inserted" in visible and "base 150.0 %" in visible
    line = dict(zip(recordings_sheet(found).columns, recordings_sheet(found).lines[0], strict=True))
    assert (line["base"], line["adapted"], line["base WER"]) == ("", "", 3.0)
    assert line["base: warnings"] == QUIET.reason
    assert HIDDEN_MEANING not in html_text(clinic_report(usual))


def test_without_references_nothing_is_counted(tmp_path):
    nothing = evaluation(utterance("a.wav", "", "hello", "hallo"), utterance("b.wav", "", "so", "so"))
    report = clinic_report(nothing)
    assert report.outcome == f"2 recordings. {NO_REFERENCE}"
    text = html_text(report) + pdf_text(report)
    assert "WER" not in report.outcome and not re.search(r"\d %", text)
    assert report.group_lines == () and [figure.title for figure in report.figures] == ["Where the model was changed"]
    assert all(row.score == "" for part in report.recordings for row in part.rows)


def test_without_a_hypernetwork_there_is_one_transcript():
    base_only = evaluation(utterance("a.wav", "so be it", "so be", None), base="whisper-small")
    base_only = replace(base_only, hypernetwork=None)
    report = clinic_report(base_only)
    assert [row.name for row in report.recordings[0].rows] == ["base"]
    assert evaluation_outcome(base_only).endswith("base 33.3 %, no adaptation for this model.")
    assert SIMULATED_TRAINING not in report.cautions
    assert pdf_bytes(report).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("base", "hypernetwork", "is_said"),
    [
        ("whisper-mini", "hypernet-mini", True),
        ("openai/whisper-tiny.en", "hypernet-tiny.en", True),
        ("whisper-mini", "hypernet", False),  # a clinic's own
    ],
)
def test_what_the_hypernetwork_learned_from_is_said_of_those_that_come_with_the_project(base, hypernetwork, is_said):
    pair = replace(evaluation(utterance("a.wav", "so", "so", "so"), base=base), hypernetwork=hypernetwork)
    assert (SIMULATED_TRAINING in clinic_report(pair).cautions) == is_said


def test_what_is_said_of_the_training_denies_no_typical_speech():
    heard = [line for card in sorted(ASSETS.glob("hypernet-*")) for line in card_section(card, "Trained on")]
    assert any(", typical: " in line for line in heard)
    assert not re.search(r"\bonly\b", SIMULATED_TRAINING) and "All atypical speech" in SIMULATED_TRAINING


def test_long_texts_take_pages_and_nothing_is_cut_off():
    words = [f"word{i}" for i in range(3000)]
    long = evaluation(utterance("a.wav", " ".join(words), " ".join(words[:-1]), "x" * 900, speaker="s" * 500))
    text = pdf_text(clinic_report(long)).replace(" ", "")
    assert all(word in text for word in words)
    assert "x" * 900 in text


def test_a_long_name_in_the_table_hides_no_simulated():
    long = evaluation(utterance("a.wav", "so be it", "so", "so", speaker="s" * 500, simulated=True))
    assert clinic_report(long).group_lines[1][0] == f"speaker {'s' * 49}… (simulated)"


def test_letters_that_the_font_lacks_are_admitted():
    assert MISSING_LETTERS not in pdf_text(clinic_report(evaluation(utterance("a.wav", "", "grüße мир", "ok"))))
    for text, instead in {
        "你好 ok": "(2 CJK letters) ok",
        "שלום": "(4 Hebrew letters)",
        "ก": "(1 Thai letter)",
    }.items():
        written = pdf_text(clinic_report(evaluation(utterance("a.wav", "", text, "ok"))))
        assert MISSING_LETTERS in written and instead in written


def test_a_page_for_each_hundred_recordings_and_every_one_in_a_figure():
    lines = [WerLine(f"{i} $x_{i}$.wav", i / 100, None if i % 2 else 0.0) for i in range(2 * LINES_PER_FIGURE + 1)]
    figures = wer_figures(lines)
    assert len(figures) == 3
    labels = [label.get_text() for figure in figures for label in figure.axes[0].get_yticklabels()]
    assert labels == [rf"{i} \$x_{i}\$.wav" for i in range(2 * LINES_PER_FIGURE + 1)]
    (base, adapted) = figures[0].axes[0].containers
    assert list(base.lines[0].get_xdata()) == pytest.approx(list(range(LINES_PER_FIGURE)))
    assert len(adapted.lines[0].get_xdata()) == LINES_PER_FIGURE // 2
    assert len({figure.axes[0].get_xlim() for figure in figures}) == 1  # one scale, or pages could not be compared
    for figure in figures:
        figure.canvas.draw()  # "$x_$" is no formula


def test_intervals_that_pass_the_rates_are_drawn_in_full():
    lines = [WerLine("a name", 0.2, 0.1, Interval(0.1, 0.9), Interval(0.0, 0.3)), WerLine("b", 0.1, None)]
    (figure,) = wer_figures(lines)
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.get_xlim()[1] >= 90
    inside = axes.get_tightbbox().padded(-1)
    assert figure.bbox.x0 <= inside.x0 and inside.x1 <= figure.bbox.x1 and axes.get_position().width > 0.6
    base, adapted = axes.containers
    assert np.array(base.lines[2][0].get_segments()[0])[:, 0] == pytest.approx([10, 90])
    assert np.array(adapted.lines[2][0].get_segments()[0])[:, 0] == pytest.approx([0, 30])


def test_layers_show_mean_least_and_most():
    sizes = np.array([[0.1, 0.2], [0.3, 0.2], [0.2, 0.5]])
    own = [[LayerSize(f"model.decoder.layers.{i}.fc1", size) for i, size in enumerate(row)] for row in sizes]
    (axes,) = layer_figure(own).axes
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([20, 30])
    (arms,) = [bars for bars in axes.containers if hasattr(bars, "has_yerr")]
    ends = [segment[:, 1] for segment in arms.lines[2][0].get_segments()]
    assert np.array(ends) == pytest.approx(np.array([[10, 30], [20, 50]]))


def test_layers_of_many_matrices_are_one_bar_each():
    kinds = ("fc1", "fc2", "self_attn.q_proj", "encoder_attn.v_proj")
    own = [[LayerSize(f"model.decoder.layers.{i}.{kind}", 0.1 * (i + 1)) for kind in kinds for i in range(2)]]
    (axes,) = layer_figure(own).axes
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([10, 20])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["layer 1", "layer 2"]
    own[0].append(LayerSize("model.encoder.layers.0.fc1", 0.1))
    (axes,) = layer_figure(own).axes  # "layer dec 1" would run into the next, in longer words than these at any rate
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["dec 1", "dec 2", "enc 1"]


def test_a_row_without_errors_has_no_interval():
    meant = "red green blue lamp door"
    some = [utterance(f"{i}", meant, meant if i else "no", meant, speaker="anna") for i in range(5)]
    group = evaluation(*some).group("all", "all")
    over, base, adapted = wer_intervals(group)
    assert over == RECORDINGS and base is not None and adapted is None
    assert rate_cells(group)[3:] == (interval_text(base), "0.0 %", NO_ERRORS)
    right = evaluation(*(utterance(f"{i}", meant, meant, meant) for i in range(5))).group("all", "all")
    assert wer_intervals(right) == (RECORDINGS, None, None) and rate_cells(right)[3::2] == (NO_ERRORS, NO_ERRORS)
    few = evaluation(*some[1:]).group("all", "all")
    assert rate_cells(few)[3::2] == ("–", "–")  # it takes five recordings


def test_intervals_are_over_speakers_where_there_are_five_and_else_over_recordings():
    meant = "red green blue lamp door lamp blue green red lamp"
    both = [(meant, "no " * 10)] + 4 * [(meant, meant)]
    one_patient = evaluation(*(utterance(f"{i}", m, h, h, speaker="anna") for i, (m, h) in enumerate(both)))
    over, base, adapted = wer_intervals(one_patient.group("all", "all"))
    assert (over, base, adapted) == (RECORDINGS, Interval(0.0, 0.6), Interval(0.0, 0.6))  # as tests/test_statistics.py
    assert wer_intervals(one_patient.group("speaker", "anna"))[0] == RECORDINGS
    assert one_patient.group("all", "all").to_json()["base_wer_interval"] is None  # that key is over speakers
    assert one_patient.group("all", "all").to_json()["base_wer_interval_over_recordings"] == [0.0, 0.6]
    five = evaluation(*(utterance(f"{i}", m, h, h, speaker=f"s{i}") for i, (m, h) in enumerate(both)))
    assert wer_intervals(five.group("all", "all"))[0] == SPEAKERS
    few = evaluation(*(utterance(f"{i}", m, h, h) for i, (m, h) in enumerate(both[:4])))
    assert wer_intervals(few.group("all", "all")) == ("", None, None)
    assert interval_text(base) == "0 to 60 %" and interval_text(None) == "–"
    notes = clinic_report(one_patient).group_notes
    assert any("other recordings of the same people" in note for note in notes)


def test_the_table_has_a_cell_for_each_column_and_the_numbers_of_the_evaluation(usual):
    sheet = recordings_sheet(usual)
    first, second, third, bad = (dict(zip(sheet.columns, line, strict=True)) for line in sheet.lines)
    assert (first["number"], first["file"], first["speaker"], first["simulated"]) == (1, "a.wav", "p1", "simulated")
    assert (first["base WER"], first["base substituted"], first["adapted WER"]) == (0.25, 1, 0.0)
    assert first["change of WER"] == -0.25
    assert (
        second["change of WER"] == pytest.approx(0.0)
        and second["base inserted"] == 1
        and second["adapted deleted"] == 1
    )
    assert (second["base: warnings"], second["adapted: warnings"]) == (LOOP.reason, "")
    assert third["note"] == ATTACK and third["base WER"] is None and third["change of WER"] is None
    assert (bad["number"], bad["file"], bad["base"]) == (4, "bad.wav", None)
    assert bad["problem"] == "bad.wav is not an audio recording."
    groups = groups_sheet(usual)
    everything, speaker = (dict(zip(groups.columns, line, strict=True)) for line in groups.lines)
    assert (everything["recordings"], everything["words"], everything["base WER"]) == (2, 7, pytest.approx(2 / 7))
    assert (speaker["by"], speaker["value"], speaker["simulated"]) == ("speaker", "p1", 1)


def test_the_time_has_its_zone(usual):
    now = datetime(2030, 2, 3, 4, 5, tzinfo=UTC)
    assert clinic_report(usual, now=now).date == "03 February 2030, 04:05 UTC"
    with asked_in("de"):
        assert clinic_report(usual, now=now, tongue=tongue()).date == "3. Februar 2030, 04:05 Uhr UTC"
    assert clinic_report(usual).date.endswith(f" {datetime.now().astimezone():%Z}")


@pytest.mark.parametrize("name", ["一号.wav", "أحمد", "नमस्ते", "한국"])
def test_names_that_the_font_of_figures_lacks_go_by_their_number(name, monkeypatch, recwarn):
    drawn = []

    def figures(lines):
        drawn.append([line.label for line in lines])
        return wer_figures(lines)

    monkeypatch.setattr("hyper.reports.content.wer_figures", figures)
    rows = [utterance(f"{name}{i}", "yes", "no", "yes", speaker=name) for i in range(2)]
    clinic_report(evaluation(*rows, utterance("Zoë.wav", "yes", "no", "yes", speaker="Łódź")))
    assert drawn == [["Łódź", "speaker 2"], ["recording 1", "recording 2", "3 Zoë.wav"]]
    assert not [each for each in recwarn if "Glyph" in str(each.message)]
