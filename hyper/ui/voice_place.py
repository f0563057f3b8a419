"""The map of where a voice lies, as a part of the page: a figure, a sentence on what it means, or what to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from hyper.compare.voice_map import FAR_PERCENTILE, N_NEAREST, MapError, VoiceMap, find_map
from hyper.plots import voice as voice_plots
from hyper.plots.voice import Visitor
from hyper.ui import figures, notices, scripts
from hyper.ui.examples import COHORT_NAMES
from hyper.ui.handlers import Handlers, on_gpu
from hyper.ui.queues import MODEL_QUEUE

if TYPE_CHECKING:
    import numpy as np

    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.voice_map import Whereabouts
    from hyper.ui.layout import Inputs

NO_HEALTH = (
    "Where a voice lies says nothing about a person's health: microphone, noise, accent and age move it as well."
)


@dataclass(frozen=True)
class Place:
    """The components of the map."""

    note: gr.HTML
    plot: gr.Plot

    def all(self) -> list[gr.components.Component]:
        """In the order of the values."""
        return [self.note, self.plot]


def place_part(elem_id: str) -> Place:
    """The empty map."""
    note = gr.HTML(elem_id=f"{elem_id}-note")
    return Place(note, gr.Plot(visible=False, show_label=False, label=voice_plots.PLACE.title, elem_id=elem_id))


def add_voice_place(handlers: Handlers, inputs: Inputs) -> None:
    """The map of the one recording, folded; drawn when it is opened, folded again for another recording or model."""
    with gr.Accordion("Where this voice lies among the training speakers", open=False, elem_id="hw-place") as fold:
        place = place_part("hw-place-map")

    def show_place(recording: str | None, model: str, language: str) -> tuple[str, gr.Plot]:
        notices.check_recordings([recording] if recording else [])
        with notices.errors_as_notices():
            asr = handlers.shelf.get(model)
            if asr.hypernet is None:
                return place_values(asr, [])
            embedding = asr.prepare(recording, language=language).embedding[0].float().cpu().numpy()
            return place_values(asr, [("this recording", embedding)])

    given = [inputs.recording, inputs.model, inputs.language]
    fold.expand(on_gpu(show_place), given, place.all(), api_visibility="private", **MODEL_QUEUE)
    gr.on(
        [inputs.recording.change, inputs.model.change],
        None,
        None,
        [fold, *place.all()],
        js=scripts.sets(gr.update(open=False), "", gr.update(value=None, visible=False)),
    )


def place_values(
    asr: PersonalizedAsr,
    embeddings: Sequence[tuple[str, np.ndarray]],  # label and (d_embedding,); the first is the one that is judged
) -> tuple[str, gr.Plot]:
    """Note and figure. Of several embeddings the first is the mean of the others, which are recordings."""
    try:
        voice_map = find_map(asr)
    except MapError as error:
        return _help(escape(str(error))), gr.Plot(value=None, visible=False)
    (label, first), *others = embeddings
    where = voice_map.whereabouts(first, is_mean=bool(others))
    visitors = [Visitor(label, where, is_main=True)]
    visitors += [Visitor(name, voice_map.whereabouts(each, is_mean=False)) for name, each in others]
    figure = voice_plots.map_figure(voice_map, visitors, COHORT_NAMES)
    caption = figures.caption_html(voice_plots.PLACE)
    return caption + where_html(where, label, voice_map, bool(others)), gr.Plot(value=figure, visible=True)


def where_html(where: Whereabouts, label: str, voice_map: VoiceMap, is_mean: bool) -> str:
    """What the distance means; a warning where training heard hardly anything like it."""
    others = "such means" if is_mean else "recordings"
    nearest = min(N_NEAREST, len(voice_map.points))
    distance = f"{label} is {where.distance:.2f} standard deviations from the {nearest} nearest training speakers"
    if where.is_far:
        return (
            f'<p class="hw-flag">Far outside: {distance}, but {FAR_PERCENTILE} of 100 {others} of people kept off the '
            f"map stay within {where.limit:.2f}. The hypernetwork learned from hardly anybody like this, so its "
            f"adaptation may help less, or do harm.</p>{_help(NO_HEALTH)}"
        )
    nearer = round(100 * where.share_nearer)
    return _help(
        f"<b>Among the training speakers:</b> {distance}; of 100 {others} of people kept off the map {nearer} lie "
        f"nearer. {NO_HEALTH}"
    )


def _help(html: str) -> str:
    return f'<p class="hw-help">{html}</p>'
