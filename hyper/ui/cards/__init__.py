"""The cards of a comparison from top to bottom. Another plot is one more file, and its line in one of these lists."""

from __future__ import annotations

from hyper.ui.cards.calibration import CalibrationCard
from hyper.ui.cards.card import Card
from hyper.ui.cards.changed import ChangedCard, OpenHowCard
from hyper.ui.cards.details import DetailsCard
from hyper.ui.cards.inside import InsideCard
from hyper.ui.cards.keep import KeepCard
from hyper.ui.cards.magnitude import MagnitudeCard
from hyper.ui.cards.sound import SoundCard
from hyper.ui.cards.strength import StrengthCard
from hyper.ui.cards.takeaway import TakeawayCard
from hyper.ui.cards.transcripts import TranscriptsCard
from hyper.ui.cards.voice_place import VoicePlaceCard
from hyper.ui.cards.word_times import WordTimesCard

# Under the recording: the words, and what can be done with them.
CARDS: list[type[Card]] = [
    TranscriptsCard,
    WordTimesCard,
    KeepCard,
    StrengthCard,
    SoundCard,
    TakeawayCard,
    OpenHowCard,
]
# Under "How it works": what the adaptation did to the model.
HOW_CARDS: list[type[Card]] = [
    ChangedCard,
    MagnitudeCard,
    InsideCard,
    VoicePlaceCard,
    CalibrationCard,
    DetailsCard,
]
