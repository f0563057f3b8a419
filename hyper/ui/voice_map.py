"""The map of where a voice lies, as two components: a sentence on what it means, or what to run, and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr

from hyper.compare.voice_map import FAR_PERCENTILE, N_NEAREST, MapError, find_map
from hyper.plots.voice_map import VOICE_MAP, Visitor, map_caption, map_figure
from hyper.ui import figures
from hyper.ui.languages import say
from hyper.ui.layout import HIDDEN, Values, note_html, plot
from hyper.ui.templates import render

if TYPE_CHECKING:
    import numpy as np

    from hyper.compare.pipeline import PersonalizedAsr


class VoiceMapBox:
    """Note and figure, empty at first."""

    def __init__(self, elem_id: str) -> None:
        self.note = gr.HTML("", elem_id=f"{elem_id}-note")
        self.plot = plot(VOICE_MAP.title, elem_id, visible=False)

    def clear(self) -> Values:
        """No map."""
        return {self.note: "", self.plot: gr.update(value=None, visible=False)}

    def show(
        self,
        asr: PersonalizedAsr,
        embeddings: Sequence[tuple[str, np.ndarray]],  # label and (d_embedding,); the first is the one that is judged
    ) -> Values:
        """Of several embeddings the first is the mean of the others, which are recordings."""
        try:
            voice_map = find_map(asr)
        except MapError as error:
            return {self.note: note_html(say(str(error))), self.plot: HIDDEN}
        (label, first), *others = embeddings
        where = voice_map.whereabouts(first, is_mean=bool(others))
        visitors = [Visitor(label, where, is_main=True)]
        visitors += [Visitor(name, voice_map.whereabouts(each, is_mean=False)) for name, each in others]
        caption = map_caption(voice_map)
        figure = figures.interactive(map_figure(voice_map, visitors), caption.title)
        note = render(
            "whereabouts",
            where=where,
            label=label,
            is_mean=bool(others),
            n_nearest=min(N_NEAREST, len(voice_map.points)),
            far_percentile=FAR_PERCENTILE,
        )
        return {
            self.note: figures.caption_html(caption) + note,
            self.plot: gr.update(value=figure, visible=True),
        }
