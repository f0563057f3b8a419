"""Things to say: sentences of the grammar that the bundled pair was trained on (`hyper/speech/grammar.py`)."""

from __future__ import annotations

PHRASES: tuple[str, ...] = (
    "turn on the lights in the kitchen",
    "call my daughter please",
    "set a timer for ten minutes",
    "my left knee hurts this morning",
    "could you bring me my glasses",
    "remind me to take my medicine after lunch",
    "what is the weather tomorrow",
    "i need a glass of water",
)
