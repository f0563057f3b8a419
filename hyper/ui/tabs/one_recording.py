"""The mode "Try": what a visitor gives, the button, and the cards that a comparison fills."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from hyper.compare.comparison import Comparison
from hyper.recordings.limits import AudioError
from hyper.ui import panels, scripts
from hyper.ui.cards import CARDS
from hyper.ui.cards.card import Card
from hyper.ui.inputs import Inputs
from hyper.ui.languages import say
from hyper.ui.layout import TRY, Values, view
from hyper.ui.phrases import PHRASES
from hyper.ui.queues import ON_MODEL, QUIET
from hyper.ui.service import AS_TRAINED, Asked, Service
from hyper.ui.tabs.tab import Tab
from hyper.ui.tried_examples import TriedExamples

PLACE = "one recording"  # of the recording that a visitor holds here


class OneRecordingTab(Tab):
    """Inputs above, cards below."""

    def __init__(self, service: Service, examples: TriedExamples) -> None:
        self.service = service
        with view("Try", TRY):
            self.inputs = Inputs(service.models, examples)
            self.recount_button = gr.Button(visible="hidden", elem_id="hw-recount")  # pressed by the page itself
            self.arrived = gr.HTML("", visible="hidden", elem_id="hw-arrived")  # when the last transcripts did
            self.refused = gr.HTML("", visible="hidden", elem_id="hw-refused")  # when a recording last was
            with gr.Column(elem_id="hw-results"):
                self.cards: list[Card] = [card(service, self.inputs) for card in CARDS]
            self.button = gr.Button("Compare again", elem_id="hw-compare")

    def add_cards(self, kinds: Sequence[type[Card]]) -> None:
        """Further cards that a comparison fills, elsewhere on the page."""
        self.cards += [card(self.service, self.inputs) for card in kinds]

    def connect(self, inputs: Inputs) -> None:
        """A recording compares by itself; the button, the slider, and what clears old results."""
        self.clear_on(inputs.recording.change)
        again = dict.fromkeys(self.cards[0].clear(), panels.AGAIN)
        self.clear_on(inputs.model.change, *inputs.settings, instead=again)
        inputs.recording.change(self.track, inputs.recording, None, **QUIET)
        compared = gr.on(
            [self.button.click, inputs.recording.stop_recording],
            self.compare_on_page,
            inputs.asked,
            [self.arrived, self.refused, *self.clear()],
            show_progress_on=list(self.cards[0].clear()),
            trigger_mode="always_last",  # another recording while plots of the last are drawn
            **ON_MODEL,
        )
        self.refused.change(None, js=scripts.TELL_UNUSABLE)
        self._uncount_on(self.recount_button.click)
        recounted = self.recount_button.click(
            self.recount,
            inputs.asked,
            [component for card in self.cards if card.follows_strength for component in card.clear()],
            trigger_mode="always_last",
            show_progress="hidden",
            **ON_MODEL,
        )
        for over in (recounted.then, recounted.failure):  # `then` alone does not follow a failure
            over(None, js=scripts.SHOW_COUNTS)
        self.arrived.change(None, js=scripts.SHOW_RESULTS)
        strengthened = inputs.strength.input(  # not `release`, which keyboards never send
            self.compare_at_strength,
            inputs.asked,
            [component for card in self.cards if card.follows_strength for component in card.clear()],
            trigger_mode="always_last",
            show_progress="hidden",  # the words would vanish at each step
            **ON_MODEL,
        )
        of_cards = [card.late for card in self.cards if card.late is not None]
        self.late = [compared, recounted, strengthened, *of_cards]  # they would bring back what was there before
        self.end_on(*inputs.begins)
        texts = [inputs.reference, inputs.verbatim]
        uploaded = inputs.recording.upload(None, texts, texts, js=scripts.texts_of_upload(PHRASES))
        for filled in (uploaded, *inputs.examples_filled()):
            filled.then(None, js=scripts.COMPARE)

    def _uncount_on(self, event: Callable[..., Any]) -> None:
        """Take away in the page itself, before anything is asked of the server, what was counted and asked for."""
        gone = {component: value for card in self.cards for component, value in card.uncount().items()}
        asked_for = [card.late for card in self.cards if card.late is not None and card.uncount()]
        event(None, None, list(gone), js=scripts.sets(*gone.values()), cancels=asked_for, **QUIET)

    def end_on(self, *events: Callable[..., Any]) -> None:
        """Cancel what was asked of the recording before.

        Called before any other step of the same events, which the page runs in their order: what is cancelled after
        the server has answered could be what was asked anew.
        """
        for event in events:
            event(None, js=scripts.END_WHAT_RUNS, cancels=self.late, **QUIET)

    def clear(self) -> Values:
        """Every card as it is before a comparison."""
        return {component: value for card in self.cards for component, value in card.clear().items()}

    def compare_on_page(
        self,
        request: gr.Request,  # gradio passes what it finds by its type in its place, so before the values of inputs
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
        *given: Any,
    ) -> Iterator[Values]:
        """All cards, with the adaptation as it was trained: the transcripts first, then one by one what takes time."""
        asked = Asked(*given)._replace(strength=AS_TRAINED)
        if not self.service.models.is_loaded(asked.model):
            progress(0.1, desc=say(f"Loading {asked.model} (downloaded once, then kept)"))
        try:
            comparison = self.service.compare(asked, request.session_hash, progress)
        except gr.Error as error:
            if isinstance(error.__cause__, AudioError):
                yield {self.refused: str(time.time_ns())}
            raise
        at_once, later = _in_two(self.cards)
        yield {self.arrived: str(time.time_ns()), **_rendered(at_once, comparison, asked)}
        yield from _one_by_one(later, comparison, asked)

    def compare_at_strength(self, request: gr.Request, *given: Any) -> Iterator[Values]:
        """The cards that another strength changes. The recording is not encoded again."""
        asked = Asked(*given)
        comparison = self.service.compare(asked, request.session_hash)
        at_once, later = _in_two([card for card in self.cards if card.follows_strength])
        yield _rendered(at_once, comparison, asked)
        yield from _one_by_one(later, comparison, asked)

    def recount(self, request: gr.Request, *given: Any) -> Iterator[Values]:
        """The same cards against another reference, where there is a recording to hold it against."""
        if Asked(*given).recording is None:
            yield gr.skip()
            return
        yield from self.compare_at_strength(request, *given)

    def track(self, recording: str | None, request: gr.Request) -> None:
        """Delete the visitor's former recording, remember the present one."""
        if recording is None:  # a new one is compared at once, and takes the place of the former in the cache
            self.service.cache.drop(request.session_hash)
        self.service.uploads.hold(request.session_hash, PLACE, [recording] if recording else [])


def _in_two(cards: Sequence[Card]) -> tuple[list[Card], list[Card]]:
    """Those that are there at once, and those that take time."""
    return [card for card in cards if not card.takes_time], [card for card in cards if card.takes_time]


def _one_by_one(cards: Sequence[Card], comparison: Comparison, asked: Asked) -> Iterator[Values]:
    """Each card, and at the end all of them: of a plot that is out of sight, gradio keeps the last step alone."""
    values: Values = {}
    for card in cards:
        own = _rendered([card], comparison, asked)
        values |= own
        yield own
    yield values


def _rendered(cards: Sequence[Card], comparison: Comparison, asked: Asked) -> Values:
    """The values of all these cards; empty are those that need an adaptation, or speech, where there is none."""
    values: Values = {}
    for card in cards:
        is_missing = card.needs_adaptation and comparison.adapted is None
        is_missing |= card.needs_speech and comparison.heard_nobody
        values |= card.clear() if is_missing else card.render(comparison, asked)
    return values
