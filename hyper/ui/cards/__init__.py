"""The cards of a comparison from top to bottom. Another plot is one more file, and its line in this list."""

from __future__ import annotations

from hyper.ui.cards.calibration import CalibrationCard
from hyper.ui.cards.card import Card
from hyper.ui.cards.details import DetailsCard
from hyper.ui.cards.inside import InsideCard
from hyper.ui.cards.magnitude import MagnitudeCard
from hyper.ui.cards.recording import RecordingCard
from hyper.ui.cards.strength import StrengthCard
from hyper.ui.cards.takeaway import TakeawayCard
from hyper.ui.cards.transcripts import TranscriptsCard
from hyper.ui.cards.voice_place import VoicePlaceCard

CARDS: list[type[Card]] = [
    TranscriptsCard,
    StrengthCard,
    MagnitudeCard,
    InsideCard,
    RecordingCard,
    CalibrationCard,
    TakeawayCard,
    DetailsCard,
    VoicePlaceCard,
]
