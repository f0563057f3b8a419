"""The look: contrast, one place for colours, fonts that are there, nothing from other machines."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from gradio.themes.utils.fonts import font_file_path

from hyper.plots import palette
from hyper.ui import theme

STYLE = theme.STYLE_FILE.read_text(encoding="utf-8")
TEXT_PAIRS: tuple[tuple[str, str], ...] = (  # (text, surface) as they occur on the page
    ("ink", "page"),
    ("ink", "card"),
    ("muted", "page"),
    ("muted", "card"),
    ("card", "ink"),
    ("ink", "base-tint"),
    ("muted", "base-tint"),
    ("base", "card"),
    ("base", "base-tint"),
    ("ink", "adapted-tint"),
    ("muted", "adapted-tint"),
    ("adapted", "card"),
    ("adapted", "page"),
    ("adapted", "adapted-tint"),
    ("card", "adapted"),
    ("on-band", "band"),
    ("base-on-band", "band"),
    ("adapted-on-band", "band"),
    ("warning", "warning-tint"),
    ("warning", "card"),
)
BOTH = pytest.mark.parametrize("time", [":root", ".dark"], ids=["day", "night"])


def colours(time: str) -> dict[str, str]:
    """Each variable of the style sheet that is a colour, by its name, as the page gets it."""
    rules = dict(re.findall(r"([:.]\w+) \{ (.*?) \}", theme.css_variables()))
    return dict(re.findall(r"--hw-([\w-]+): (#\w{6});", rules[time]))


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


@BOTH
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-on-".join)
def test_text_contrast(pair, time):
    assert contrast(*(colours(time)[name] for name in pair)) >= 4.5


@BOTH
@pytest.mark.parametrize("surface", ["card", "page"])
def test_edges_of_controls_can_be_seen(surface, time):
    assert contrast(colours(time)["control"], colours(time)[surface]) >= 3


def test_every_colour_has_its_own_value_by_night():
    day, night = colours(":root"), colours(".dark")
    assert set(day) == set(night) and len(day) >= 16
    assert [name for name in day if day[name] == night[name]] == []
    assert _luminance(day["page"]) > 0.5 > 0.05 > _luminance(night["page"])


@pytest.mark.parametrize("colour", [palette.INK, palette.MUTED, palette.BASE, *palette.ADAPTED_SCALE])
def test_figures_turned_over_for_the_night_can_be_read(colour):
    """By the matrix of `hue-rotate` in the CSS filter effects; then `screen` over the card."""
    assert "filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen;" in STYLE
    inverted = [1 - int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    grey = np.array([0.213, 0.715, 0.072])
    turned = np.clip((2 * np.outer(np.ones(3), grey) - np.eye(3)) @ inverted, 0, 1)
    card = np.array([int(colours(".dark")["card"][i : i + 2], 16) / 255 for i in (1, 3, 5)])
    shown = "#" + "".join(f"{round(255 * c):02x}" for c in 1 - (1 - turned) * (1 - card))
    assert contrast(shown, colours(".dark")["card"]) >= (4.5 if contrast(colour, palette.CARD) >= 4.5 else 2.5)


@pytest.mark.parametrize("suffix", ["", "_dark"], ids=["day", "night"])
def test_gradio_text_on_its_own_surfaces(suffix):
    made = theme.page_theme()
    pairs = [
        ("button_primary_text_color", "button_primary_background_fill"),
        ("button_primary_text_color_hover", "button_primary_background_fill_hover"),
        ("button_secondary_text_color", "button_secondary_background_fill_hover"),
        ("input_placeholder_color", "input_background_fill"),
        ("block_info_text_color", "block_background_fill"),
        ("error_text_color", "error_background_fill"),
        ("link_text_color", "body_background_fill"),
    ]
    assert min(contrast(*(getattr(made, name + suffix) for name in pair)) for pair in pairs) >= 4.5


def test_gradios_parts_have_a_value_by_night_where_they_have_one_by_day():
    made = theme.page_theme()
    for name, value in theme.COLOURS.items():
        if value in palette.NIGHT and name != "color_accent":
            assert getattr(made, f"{name}_dark") == palette.NIGHT[value], name
    assert ".dark { --color-accent: var(--hw-adapted); }" in STYLE


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
