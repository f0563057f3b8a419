"""The visual language: colours and type sizes that the page, the plots and the printed figures share."""

from __future__ import annotations

# Text and surfaces. A test holds contrasts at 4.5:1 or more, by day and by night.
INK = "#14262e"
MUTED = "#475a63"  # secondary text
PAGE = "#eef2f3"  # behind the cards
CARD = "#ffffff"
BAND = "#13252d"  # the head of the page, dark by day and by night
ON_BAND = "#fdfefe"
LINE = "#cbd5d9"  # hairlines between things, never the only sign of anything
CONTROL_LINE = "#6f838c"  # edges of inputs and buttons: at least 3:1, or they cannot be found

# One colour a transcript. Ochre and petrol stay apart for every common colour blindness.
BASE = "#8a4708"
BASE_TINT = "#fbf2e7"
BASE_ON_BAND = "#f0b879"  # the same hue where it stands on BAND
ADAPTED = "#0a5d71"
ADAPTED_TINT = "#e7f2f5"
ADAPTED_ON_BAND = "#80d1e3"
ADAPTED_SCALE = ("#0a5d71", "#4c93a4", "#8a4708", "#c58b4d")  # further series inside one plot, in this order

# From nothing to much, wherever a value is shown as a colour: each step is darker than the last.
SCALE = ("#ffffff", "#a9d3de", "#4c93a4", "#0a5d71", "#14262e")

WARNING = "#8b1a2b"
WARNING_TINT = "#fbecee"

# Each colour of the page by night. Figures are drawn for paper alone, and the style sheet turns their lightness over.
NIGHT = {
    INK: "#e6eef1",
    MUTED: "#a9bac2",
    PAGE: "#0e191e",
    CARD: "#18272e",
    BAND: "#0a1317",
    ON_BAND: "#e6eef1",
    LINE: "#33464f",
    CONTROL_LINE: "#7d929c",
    BASE: "#f0b878",
    BASE_TINT: "#33291c",
    BASE_ON_BAND: "#f0b878",
    ADAPTED: "#7fd0e2",
    ADAPTED_TINT: "#173741",
    ADAPTED_ON_BAND: "#7fd0e2",
    WARNING: "#ff9da8",
    WARNING_TINT: "#3d1d23",
}

FONT = "'IBM Plex Sans', system-ui, sans-serif"  # large I, small l and 1 differ: names and numbers are read aloud

# Type scale in pixels at a width of 1440; ratio about 1.25. The transcript is what the last row reads.
TYPE = {"small": 14, "body": 16, "lead": 20, "title": 25, "figure": 40, "transcript": 34}
