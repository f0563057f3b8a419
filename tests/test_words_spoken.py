"""What was spoken, or is to be, is marked with its own language: screen readers would speak it as the page's."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

from test_ui_panels import comparison
from test_ui_said import asked_in
from test_verdict import QUIET

from hyper.compare.confidence import WordConfidence
from hyper.compare.evaluation import Evaluation
from hyper.compare.utterance import ScoredUtterance
from hyper.recordings.manifest import ManifestRow
from hyper.ui import marks, panels
from hyper.ui.cards.strength import sweep_html
from hyper.ui.tabs import reading_html, several_html, speaker_html
from hyper.ui.tabs.reading_state import Reading

PAGE = "the page's"
UNENDED = {"input", "progress", "br"}
MADE = replace(
    comparison("mach an", "mach aus", "mach das Licht an", base_words=(WordConfidence("mach", 0.9),)), language="de"
)
SILENT = replace(comparison("", ""), language="de")


class Languages(HTMLParser):
    """In which languages each text would be spoken."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.of: dict[str, set[str]] = {}
        self._open = [PAGE]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in UNENDED:
            self._open.append(dict(attrs).get("lang") or self._open[-1])

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if text := " ".join(data.split()):
            self.of.setdefault(text, set()).add(self._open[-1])


def evaluation() -> Evaluation:
    row = ManifestRow("a.wav", Path("a.wav"), MADE.reference)
    rows = (MADE.rows, comparison("", "", MADE.reference).rows)
    utterances = tuple(ScoredUtterance(row, *each) for each in rows)
    return Evaluation("base", "net", "cpu", utterances, (), "de")


def test_transcripts_of_one_recording_and_what_was_meant():
    with asked_in("tr"):
        spoken = Languages(panels.results_html(MADE, "bundled")).of
        silent = Languages(panels.results_html(SILENT, "bundled")).of
    assert spoken["mach das Licht an"] == spoken["mach aus"] == {"de"}
    assert "de" in spoken["mach"] and spoken["Temel"] == {PAGE}
    assert spoken["%90"] == {"de"}  # beside its word, and written as everywhere on the page
    assert spoken["Licht"] == {PAGE}  # under a column, where the page says in its language that it was meant
    assert all(spoken == {PAGE} for spoken in silent.values())  # there the page says that there are no words


def test_transcripts_that_the_page_hides_until_they_are_asked_for():
    hidden = replace(MADE, base=replace(MADE.base, flags=(QUIET,)), adapted=replace(MADE.adapted, flags=(QUIET,)))
    assert Languages(panels.results_html(hidden, "bundled")).of["mach aus"] == {"de"}


def test_transcripts_of_many_recordings():
    speaker = SimpleNamespace(
        file="a.wav", seconds=1.0, reference=MADE.reference, verdict=MADE.verdict,
        rows={"base": MADE.base, "utterance": MADE.adapted, "speaker": SILENT.base},
    )  # fmt: skip
    for html in (
        several_html.outcome_html(evaluation()),
        several_html.outcome_html(evaluation(), is_finished=True),
        reading_html.results_html(evaluation()),
        speaker_html.results_html(SimpleNamespace(recordings=(speaker,), pooled=None), "de"),
    ):
        spoken = Languages(html).of
        assert spoken["mach aus"] == spoken["mach das Licht an"] == {"de"} and spoken[marks.NO_WORDS] == {PAGE}


def test_transcripts_at_every_strength():
    points = [
        SimpleNamespace(strength=i, wer=None, n_changed=i, row=row) for i, row in enumerate(SILENT.rows + MADE.rows)
    ]
    spoken = Languages(sweep_html(points, "de")).of
    assert spoken["mach aus"] == {"de"} and spoken[marks.NO_WORDS] == {PAGE}


def test_a_phrase_to_read_is_english_on_every_page():
    with asked_in("de"):
        spoken = Languages(reading_html.phrase_html(Reading.begin(("turn on the lights", "call me")))).of
    assert spoken == {"Satz 1 von 2": {PAGE}, "turn on the lights": {"en"}}
