"""The look: contrast, one place for colours, fonts that are there, nothing from other machines."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
import pytest
from fontTools.ttLib import TTFont
from gradio.themes.utils.fonts import font_file_path

from hyper.plots import palette
from hyper.ui import theme

STYLE = theme.STYLE_FILE.read_text(encoding="utf-8")
TEXT_PAIRS: tuple[tuple[str, str], ...] = (  # (text, surface) as they occur on the page
    (palette.INK, palette.PAGE),
    (palette.INK, palette.CARD),
    (palette.MUTED, palette.PAGE),
    (palette.MUTED, palette.CARD),
    (palette.CARD, palette.INK),
    (palette.INK, palette.BASE_TINT),
    (palette.MUTED, palette.BASE_TINT),
    (palette.BASE, palette.CARD),
    (palette.BASE, palette.BASE_TINT),
    (palette.INK, palette.ADAPTED_TINT),
    (palette.MUTED, palette.ADAPTED_TINT),
    (palette.ADAPTED, palette.CARD),
    (palette.ADAPTED, palette.PAGE),
    (palette.ADAPTED, palette.ADAPTED_TINT),
    (palette.CARD, palette.ADAPTED),
    (palette.BASE_ON_INK, palette.INK),
    (palette.ADAPTED_ON_INK, palette.INK),
    (palette.WARNING, palette.WARNING_TINT),
    (palette.WARNING, palette.CARD),
)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours "#rrggbb", 1 to 21, as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2.2)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [  # from the colour tables of WebAIM's contrast checker
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_wcag(first, second, ratio):
    assert contrast(first, second) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-".join)
def test_text_contrast(pair):
    assert contrast(*pair) >= 4.5


@pytest.mark.parametrize("surface", [palette.CARD, palette.PAGE])
def test_edges_of_controls_can_be_seen(surface):
    assert contrast(palette.CONTROL_LINE, surface) >= 3


def test_gradio_text_on_its_own_surfaces():
    made = theme.page_theme()
    pairs = [
        (made.button_primary_text_color, made.button_primary_background_fill),
        (made.button_primary_text_color_hover, made.button_primary_background_fill_hover),
        (made.button_secondary_text_color, made.button_secondary_background_fill_hover),
        (made.input_placeholder_color, made.input_background_fill),
        (made.block_info_text_color, made.block_background_fill),
        (made.error_text_color, made.error_background_fill),
        (made.link_text_color, made.body_background_fill),
    ]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def test_night_looks_like_day():
    made = theme.page_theme()
    names = [name for name in vars(made) if name.endswith("_dark") and hasattr(made, name.removesuffix("_dark"))]
    assert len(names) > 50
    assert [name for name in names if getattr(made, name) != getattr(made, name.removesuffix("_dark"))] == []


def test_colours_are_said_in_the_palette_alone():
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=\s*[;,)])", STYLE) == []


def test_rules_use_only_variables_that_exist():
    defined = set(re.findall(r"(--hw-[\w-]+):", theme.css_variables()))
    assert set(re.findall(r"var\((--hw-[\w-]+)\)", STYLE)) <= defined


@pytest.mark.parametrize("font", [theme.TEXT_FONT, theme.MONO_FONT], ids=lambda font: font.name)
def test_fonts_are_in_the_package_and_have_latin_letters(font):
    for weight in font.weights:
        file = font_file_path(font.name, weight)
        letters = TTFont(file).getBestCmap()
        assert all(code in letters for code in range(0x21, 0x7F)), f"{file} lacks letters"


def test_the_look_names_no_other_machine():
    sheet = theme.page_css() + theme.page_theme()._get_theme_css()
    addresses = {address for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", sheet) if "www.w3.org" not in address}
    assert addresses == set()  # www.w3.org names the SVG format; nothing is fetched from there


def test_gradio_is_new_enough_for_the_microphone():
    assert tuple(map(int, gradio.__version__.split(".")[:2])) >= (6, 21)  # before, recordings were uploaded twice
    assert Path(theme.ICON_FILE).is_file()
