"""The card, folded, of how far the question marks can be trusted: the reliability figure, or that nobody checked."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import gradio as gr

from hyper.metrics.percent import percent
from hyper.ui import figures
from hyper.ui.cards.card import Card
from hyper.ui.languages import asked_language, say
from hyper.ui.layout import HIDDEN, SHOWN, fold, note_html

if TYPE_CHECKING:
    from hyper.compare.calibration import Calibration
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service

CHECKED = (
    "Of words shown with 80 %, about 80 % were right: the figures were fitted on validation recordings and checked on "
    "other speakers of the same set. The closer a curve is to the diagonal, the more they can be trusted. They say "
    "nothing about words that were left out, and other kinds of speech may differ."
)
OTHER_EMBEDDING = (
    "They were checked with a copy of this Whisper that has another token embedding; with this one they may differ."
)
NOT_CHECKED = (
    "How often words are right has not been checked for this model: the figures are its own probabilities. "
    "`python -m hyper calibrate` checks them."
)


class CalibrationCard(Card):
    """One image."""

    takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.models = service.models
        title = "How far the question marks can be trusted"
        with fold(title, "hw-trust", is_card=True, visible=False) as self.box:
            self.reliability = gr.HTML("")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """What is known of the model that was asked for."""
        asr = self.models.get(asked.model)
        return {self.box: SHOWN, self.reliability: reliability_html(asr.calibration, asr.fingerprint)}

    def clear(self) -> Values:
        """No image."""
        return {self.box: HIDDEN, self.reliability: ""}


def reliability_html(calibration: Calibration | None, fingerprint: str = "") -> str:
    """How far the figures of the words hold: the reliability figure, or that nobody has checked.

    `fingerprint` is that of the base's weights, the token embedding with them.
    """
    if calibration is None:
        return note_html(say(NOT_CHECKED))
    is_other = calibration.base_fingerprint != fingerprint
    return note_html(" ".join(map(say, [CHECKED, *([OTHER_EMBEDDING] if is_other else [])]))) + _figure(
        calibration, asked_language()
    )


@lru_cache(maxsize=8)  # one for each pair that is loaded, in each language
def _figure(calibration: Calibration, _language: str) -> str:
    # Only where the figure is opened is it worth its import.
    from hyper.plots.calibration import reliability_figure

    base, adapted = (percent(row.calibrated.error) for row in (calibration.base, calibration.adapted))
    text = f"Stated and actual shares of right words are {base} apart for base, {adapted} for adapted"
    drawn = (reliability_figure(calibration, wide=wide) for wide in (True, False))
    return figures.picture_html("hw-reliability-image", text, *drawn)
