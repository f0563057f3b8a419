"""The A4 pages of a PDF report: fonts, sizes, margins and what stands at the foot of each. A door to fpdf2."""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from itertools import groupby
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from hyper.plots import palette
from hyper.plots.report import font_files
from hyper.recordings.counts import count
from hyper.reports import fonts
from hyper.reports.tongue import Tongue

FONT, SPARE_FONT = (
    "Plex",
    "DejaVu",
)  # the second has letters that the first lacks
MARGIN = 16  # mm
SIZES = {"h1": 16, "h2": 12.5, "h3": 9.5, "body": 10, "words": 11, "small": 8.5, "table": 8}  # points
LINE = 1.35  # line height, as a multiple of the type size
MM_PER_POINT = 25.4 / 72
RIGHT_TO_LEFT = ("ARABIC", "HEBREW", "SYRIAC", "THAANA", "NKO")  # fpdf2 would set them from left to right, unjoined


class Pages(FPDF):
    """A4 pages in the project's look, with their number and the caution's core at the foot of each."""

    def __init__(self, tongue: Tongue) -> None:
        super().__init__(format="A4")
        self.say = tongue.say
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN + 4)
        for family, files in ((FONT, fonts.font_files()), (SPARE_FONT, font_files())):
            for style, file in zip(("", "B"), files, strict=True):
                self.add_font(family, style, file)
        self.set_fallback_fonts([SPARE_FONT])
        fonts_here: Any = self.fonts
        self._shown = fonts_here[FONT.lower()].cmap.keys() | fonts_here[SPARE_FONT.lower()].cmap.keys()  # code points
        self.set_lang(tongue.code)

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page."""
        self.set_y(-MARGIN)
        text = f"Not for diagnosis or treatment. Page {self.page_no()} of {self.str_alias_nb_pages}"
        self.write_text("small", self.say(text), palette.MUTED)

    def write_text(self, size: str, text: str, colour: str = palette.INK, bold: bool = False, after: float = 0) -> None:
        """A paragraph across the page, broken into lines and pages as needed; `after` is the space below it, in mm."""
        self.set_look(size, "B" if bold else "", colour)
        self.multi_cell(0, self.line_height(size), self.printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(after)

    def set_look(self, size: str, style: str = "", colour: str = palette.INK) -> None:
        """Font, size, style (fpdf's letters) and colour of what is written next."""
        self.set_font(FONT, style, SIZES[size])
        self.set_text_color(colour)

    def line_height(self, size: str) -> float:
        """In mm."""
        return SIZES[size] * LINE * MM_PER_POINT

    def printable(self, text: str) -> str:
        """With each run of letters that no font here can show as its number and script, "(2 CJK letters)"."""
        runs = groupby(visible(text), lambda letter: _missing(letter, self._shown))
        return "".join(self.say(_counted(script, len(list(run)))) if script else "".join(run) for script, run in runs)

    def keep_together(self, height: float) -> None:  # mm
        """Begin a new page where less room than this is left."""
        if self.will_page_break(height):
            self.add_page()


def _missing(letter: str, known: Container[int]) -> str:
    """The script of a letter that cannot be shown; "" where it can."""
    script, *_ = unicodedata.name(letter, "UNKNOWN").split()
    if letter == "\n" or (ord(letter) in known and script not in RIGHT_TO_LEFT):
        return ""
    if unicodedata.category(letter)[0] not in "LM":
        return "other"
    return script if script == "CJK" else script.capitalize()


def _counted(script: str, n: int) -> str:
    return f"({count(n, f'{script} letter')})"


def visible(text: str) -> str:
    """Without what is no letter: control characters would stand as boxes."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
