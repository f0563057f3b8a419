"""The cards of a comparison: each fills and clears what is its own, and another comes in by the same door."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest
import soundfile
from test_plots import update
from test_ui_panels import comparison, text_of
from test_ui_said import asked_in

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scheduler import BusyError
from hyper.compare.speaking import HOW_MEASURED
from hyper.compare.voice_map import Whereabouts
from hyper.compare.word_times import PairTimes, WordTime
from hyper.plots.style import Caption
from hyper.plots.sweep import SWEEP, UNCOUNTED_SWEEP, sweep_caption
from hyper.recordings.audio import SAMPLE_RATE
from hyper.recordings.limits import AudioError
from hyper.ui import figures, notices, server
from hyper.ui.cards import CARDS, HOW_CARDS
from hyper.ui.cards.card import Card
from hyper.ui.cards.changed import AT_STRENGTH, ChangedCard
from hyper.ui.cards.details import DetailsCard
from hyper.ui.cards.inside import InsideCard
from hyper.ui.cards.magnitude import FIRST_PIECE, MagnitudeCard
from hyper.ui.cards.sound import SoundCard
from hyper.ui.cards.strength import StrengthCard
from hyper.ui.cards.takeaway import TakeawayCard
from hyper.ui.cards.transcripts import TranscriptsCard
from hyper.ui.cards.word_times import WordTimesCard
from hyper.ui.examples import Example
from hyper.ui.layout import HIDDEN, SHOWN, captioned_plot, card
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo
from hyper.ui.service import Asked, Service
from hyper.ui.tabs.how import HowTab
from hyper.ui.tabs.one_recording import OneRecordingTab
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.uploads import Uploads

ASKED = Asked("a.wav", "", "bundled", "en", "recording", "")
ANNA = SimpleNamespace(session_hash="anna")


class LoudnessCard(Card):
    """Another plot, as anybody would add it."""

    def __init__(self, service, inputs):
        with card(visible=False) as self.box:
            self.plot = captioned_plot(Caption("Loudness", "How loud."), "toy")

    def render(self, comparison, asked):
        figure = go.Figure(go.Scatter(y=[float(abs(comparison.waveform).max())]))
        return {self.box: SHOWN, self.plot: figures.interactive(figure, "Loudness")}

    def clear(self):
        return {self.box: HIDDEN, self.plot: None}


def _doubted(card: TranscriptsCard, asked: Asked) -> str:
    """The result of a voice that is far from all."""
    far = Whereabouts(0.0, 0.0, distance=2.0, limit=1.0, share_nearer=1.0)
    return text_of(card.render(replace(comparison("turn on", "turn off"), where=far), asked)[card.panels])


@pytest.mark.parametrize(
    ("recording", "shown"),
    [
        ("/tmp/sent/visit 3.mp4", "Recording: visit 3.mp4"),
        ("/tmp/sent/audio.wav", None),  # from the microphone
        (None, None),
        ("example", "Recording: simulated stuttering, mild"),
    ],
)
def test_the_transcripts_say_which_file_was_heard(tmp_path, recording, shown):
    (tmp_path / "one.wav").write_bytes(b"sound")
    example = Example(tmp_path / "one.wav", "turn on", "simulated stuttering, mild", "CC0")
    service = SimpleNamespace(models=SimpleNamespace(offer=None, offers=lambda name: False))
    with gr.Blocks():
        inputs = SimpleNamespace(reference=gr.Textbox(render=False), examples=[example])
        own = TranscriptsCard(service, inputs)
    asked = ASKED._replace(recording=str(example.path) if recording == "example" else recording)
    html = own.render(comparison("turn on", "turn off"), asked)[own.panels]
    assert ("Try another" in _doubted(own, asked)) is (recording != "example")
    assert shown in text_of(html) if shown else "Recording:" not in text_of(html)
    assert "/tmp" not in text_of(html)


@pytest.fixture(scope="module")
def models(backbone, make_hypernet) -> ModelStore:
    return ModelStore(PersonalizedAsr(backbone, make_hypernet(backbone), "random"), "bundled", server.load_by_name)


@pytest.fixture
def tab(models, tmp_path) -> OneRecordingTab:
    with gr.Blocks(), gr.Tabs():
        service = Service(models, Uploads(tmp_path))
        tab = OneRecordingTab(service, TriedExamples(service, []))
        HowTab(tab)
        return tab


def in_the_end(steps: Iterable[dict]) -> dict:
    """What stands on the page after the last step."""
    return {component: value for step in steps for component, value in step.items()}


def test_the_transcripts_do_not_wait_for_what_takes_time(tab):
    made = replace(comparison("turn on", "turn off"), measure_layers=lambda: pytest.fail("measured"))
    tab.service = SimpleNamespace(models=tab.service.models, compare=lambda *_: made)
    for steps in (tab.compare_on_page(ANNA, lambda *_, **__: None, *ASKED), tab.compare_at_strength(ANNA, *ASKED)):
        first = next(steps)
        assert "turn off" in text_of(first[card_of(tab, TranscriptsCard).panels])
        assert card_of(tab, WordTimesCard).times in first
        with pytest.raises(pytest.fail.Exception, match="measured"):
            list(steps)
    quick = {type(each) for each in tab.cards if not each.takes_time}
    assert {TranscriptsCard, StrengthCard, TakeawayCard, WordTimesCard} <= quick


@pytest.mark.parametrize(
    ("error", "told"), [(AudioError("The recording is silent."), 1), (BusyError("Too many visitors are here."), 0)]
)
def test_a_recording_that_cannot_be_used_is_told_to_the_page_before_the_error(tab, error, told):
    def compare(*_):
        with notices.errors_as_notices():
            raise error

    tab.service = SimpleNamespace(models=tab.service.models, compare=compare)
    steps = tab.compare_on_page(ANNA, lambda *_, **__: None, *ASKED)
    for _ in range(told):
        assert list(next(steps)) == [tab.refused]
    with pytest.raises(gr.Error, match=str(error)):
        next(steps)


def card_of(tab: OneRecordingTab, kind: type[Card]) -> Card:
    return next(each for each in tab.cards if isinstance(each, kind))


def test_another_plot_is_one_class_and_one_line_in_the_list(monkeypatch, models, speech_like, tmp_path):
    monkeypatch.setattr("hyper.ui.tabs.one_recording.CARDS", [*CARDS, LoudnessCard])
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    soundfile.write(tmp_path / "a.wav", speech_like(1.5), SAMPLE_RATE)
    demo = build_demo(models, [])
    (toy,) = (block for block in demo.blocks.values() if getattr(block, "elem_id", None) == "toy")
    (compared,) = (fn for fn in demo.fns.values() if fn.api_name == "compare_on_page")
    assert toy in compared.outputs
    values = in_the_end(compared.fn(ANNA, lambda *_, **__: None, *ASKED._replace(recording=str(tmp_path / "a.wav"))))
    waveform = models.get("bundled").compare(tmp_path / "a.wav").waveform
    assert json.loads(values[toy].plot)["data"][0]["y"] == [pytest.approx(float(abs(waveform).max()))]
    cleared = [fn for fn in demo.fns.values() if toy in fn.outputs and fn.js]
    assert len({target for fn in cleared for target in fn.targets}) == 4  # recording, model, two settings
    in_the_page = json.loads(cleared[0].js.removeprefix("() => "))
    assert in_the_page[cleared[0].outputs.index(toy)] is None


@pytest.mark.parametrize("adapted", ["turn off", None])
@pytest.mark.parametrize("kind", [*CARDS, *HOW_CARDS], ids=lambda kind: kind.__name__)
def test_what_a_card_fills_it_can_clear(tab, kind, adapted):
    each, made = card_of(tab, kind), comparison("turn on", adapted)
    assert not (set(each.clear()) & {block for other in tab.cards if other is not each for block in other.clear()})
    json.dumps(list(each.clear().values()))  # the page clears by itself
    if adapted is not None or not each.needs_adaptation:
        assert set(each.render(made, ASKED)) <= set(each.clear())


def test_without_an_adaptation_its_cards_are_empty(tab):
    tab.service = SimpleNamespace(
        models=SimpleNamespace(is_loaded=lambda name: True), compare=lambda *_: comparison("turn on", None)
    )
    values = in_the_end(tab.compare_on_page(ANNA, lambda *_, **__: None, *ASKED))
    for each in tab.cards:
        for component, value in each.clear().items() if each.needs_adaptation else ():
            assert values[component] == value
    assert values[card_of(tab, SoundCard).box]["visible"]


def test_gradio_can_read_what_each_handler_wants(models, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for fn in build_demo(models, []).fns.values():
        if fn.fn is not None:
            typing.get_type_hints(fn.fn)  # where it cannot, it passes the inputs in place of the request


def test_plots_have_no_tool_bar_and_no_logo():
    settings = json.loads(figures.interactive(go.Figure(go.Bar(y=[1])), "Ones").plot)
    assert settings["config"]["displayModeBar"] is False and settings["config"]["displaylogo"] is False
    assert settings["data"][0]["y"] == [1]
    assert settings["layout"]["meta"]["name"] == "Ones"


def test_plots_of_layers_are_tables_as_well(tab):
    made = comparison("turn on", "turn on")
    magnitude, inside = (card_of(tab, kind) for kind in (MagnitudeCard, InsideCard))
    as_text = text_of(magnitude.render(made, ASKED)[magnitude.links])
    assert re.search(r"decoder layer\s+fc1\s+1\s+1.23\b", as_text)
    assert re.search(r"direction 1\s+1\s+0.5\b", text_of(inside.render(made, ASKED)[inside.table]))


@pytest.mark.parametrize(("is_counted", "reading"), [(True, SWEEP), (False, UNCOUNTED_SWEEP)])
def test_a_dip_of_the_sweep_suits_best_only_where_what_was_meant_is_known(is_counted, reading):
    assert sweep_caption(is_counted) == reading


def test_the_caption_of_the_sweep_comes_and_goes_with_its_figure():
    with gr.Blocks():
        own = StrengthCard(SimpleNamespace(), SimpleNamespace(strength=gr.Slider(render=False), asked=[]))
    for gone in (own.clear(), own.uncount(), own.render(comparison("turn", "on", "turn on"), ASKED)):
        assert (gone[own.caption], gone[own.plot], gone[own.table]) == ("", None, "")


def test_the_size_of_a_change_is_told_of_the_weights_that_it_is_added_to(tab):
    each = card_of(tab, ChangedCard)

    def told(*names: str, strength: float = 1.0) -> str:
        layers = tuple(update(f"model.{name}", 0.176 / (i + 1), (1.0,)) for i, name in enumerate(names))
        made = replace(comparison("turn", "on"), measure_layers=lambda: layers, strength=strength)
        with asked_in("de"):
            assert not re.search(r"\b(layer|weights|strength)\b", each.render(made, ASKED)[each.note])
        return text_of(each.render(made, ASKED)[each.note])

    size = "the change is 17.6 % as large as the weights it is added to."
    one = told("decoder.layers.0.fc1", "decoder.layers.1.fc1")
    assert f"one matrix (W1) was changed in each of 2 layers of Whisper, most of all in decoder layer 1: {size}" in one
    both = told("encoder.layers.2.fc2", "decoder.layers.1.fc1")
    assert f"2 of Whisper's layers were changed, most of all encoder layer 3: {size}" in both
    stronger = told("decoder.layers.0.fc1", strength=1.6)
    assert stronger == f"{told('decoder.layers.0.fc1')} {AT_STRENGTH.format(strength='1.6')}"
    assert told("decoder.layers.0.fc1", strength=0.0) == "At strength 0 nothing is changed: this is the base."


def test_the_sound_is_drawn_when_it_is_opened(tab):
    each = card_of(tab, SoundCard)
    words = tuple(WordTime(word, 0.1 * i, 0.1 * i + 0.1) for i, word in enumerate("abcd"))  # 4 words in 0.4 s
    made = replace(comparison("turn on", "turn on"), word_times=PairTimes((), words))
    folded = each.render(made, ASKED)
    assert folded[each.plot]["value"] is None and folded[each.box]["open"] is False
    each.service = SimpleNamespace(compare=lambda *_: made)
    opened = each.show(ANNA, *ASKED)
    said = text_of(opened[each.facts] + opened[each.below])
    assert "about 600 words a minute (approximate)" in said and "none found" in said and HOW_MEASURED in said
    settings = json.loads(opened[each.plot]["value"].plot)
    assert settings["config"]["displayModeBar"] is True and settings["layout"]["meta"]["seconds"] == 0.5
    assert set(re.findall(r'download="([^"]+)"', opened[each.below])) == {"sound.png", "sound.pdf"}


def test_where_nobody_speaks_there_is_no_sound_to_look_at(tab):
    silent = comparison("thank you", "thank you", waveform=np.zeros(8000, np.float32))
    tab.service = SimpleNamespace(models=tab.service.models, compare=lambda *_: silent)
    values = in_the_end(tab.compare_on_page(ANNA, lambda *_, **__: None, *ASKED))
    for each in tab.cards:
        for component, value in each.clear().items() if each.needs_speech else ():
            assert values[component] == value


def test_figures_for_print_are_drawn_when_somebody_asks_and_are_links_inside_the_page(tab, monkeypatch):
    each = card_of(tab, MagnitudeCard)
    made = replace(comparison("turn on", "turn on"), n_pieces=2)
    with monkeypatch.context() as patch:
        patch.setattr("hyper.ui.cards.magnitude.magnitude_print", lambda _: pytest.fail("drawn before anybody asked"))
        html = each.render(made, ASKED)[each.links]
    each.service = SimpleNamespace(compare=lambda *_: made)
    asked = re.findall(r'data-print="(\w+)"', html)
    drawn = [each.for_print(SimpleNamespace(kind=kind), ANNA, *ASKED) for kind in asked]
    assert re.findall(r'download="([^"]+)" href="(data:[\w/]+)', "".join(drawn)) == [
        ("adaptation.png", "data:image/png"),
        ("adaptation.pdf", "data:application/pdf"),
    ]
    assert FIRST_PIECE not in text_of(html)
    assert FIRST_PIECE in text_of(each.render(made, ASKED._replace(adaptation="piece"))[each.links])


@pytest.mark.parametrize(
    ("kind", "of_whole", "of_pieces"),
    [
        (ChangedCard, "For this recording, one matrix", "For the first piece of this recording, one matrix"),
        (DetailsCard, "Written for this recording", "Written for each piece"),
        (DetailsCard, "Change", "The table shows the adaptation for the first piece."),
    ],
)
def test_where_each_piece_has_an_adaptation_what_is_said_is_said_of_it(tab, kind, of_whole, of_pieces):
    each, made = card_of(tab, kind), replace(comparison("turn on", "turn off"), n_pieces=2)

    def shown(made, asked) -> str:
        return text_of("".join(value for value in each.render(made, asked).values() if isinstance(value, str)))

    per_piece = ASKED._replace(adaptation="piece")
    assert of_pieces in shown(made, per_piece)
    for whole in (shown(made, ASKED), shown(replace(made, n_pieces=1), per_piece)):
        assert of_pieces not in whole and (of_whole in whole or of_whole == "Change")
