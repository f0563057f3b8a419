"""The language that a report is written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tongue:
    """A language that people read. English stands in the code."""

    code: str  # as pages and PDF name it
    say: Callable[[str], str]  # a text or a sentence in it; as it stands where it has no translation


IN_ENGLISH = Tongue("en", str)
