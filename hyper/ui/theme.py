"""The palette as a gradio theme and as CSS variables; assets/style.css holds the rules that use them."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

from hyper.model.files import ASSETS
from hyper.plots import palette

STYLE_FILE = ASSETS / "style.css"
ICON_FILE = STYLE_FILE.with_name("favicon.svg")

# Fonts that gradio carries in its own package: the page asks no other machine for anything. Of several families it
# carries only Cyrillic or Vietnamese letters, and of this one no Latin semibold (a test reads the files).
TEXT_FONT = LocalFont("IBM Plex Sans", weights=(400, 700))
MONO_FONT = LocalFont("IBM Plex Mono", weights=(400, 700))

# Gradio's name of each part: its colour, or how it is drawn.
COLOURS = {
    "body_background_fill": palette.PAGE,
    "body_text_color": palette.INK,
    "body_text_color_subdued": palette.MUTED,
    "background_fill_primary": palette.CARD,
    "background_fill_secondary": palette.CARD,
    "block_background_fill": palette.CARD,
    "block_border_color": palette.LINE,
    "block_border_width": "0px",
    "block_label_background_fill": palette.CARD,
    "block_label_text_color": palette.INK,
    "block_label_border_width": "0px",
    "block_title_text_color": palette.INK,
    "block_title_text_weight": "700",
    "block_title_background_fill": palette.CARD,
    "block_info_text_color": palette.MUTED,
    "block_shadow": "none",
    "border_color_primary": palette.LINE,
    "border_color_accent": palette.ADAPTED,
    "color_accent": palette.ADAPTED,
    "color_accent_soft": palette.ADAPTED_TINT,
    "link_text_color": palette.ADAPTED,
    "link_text_color_active": palette.INK,
    "link_text_color_hover": palette.INK,
    "link_text_color_visited": palette.ADAPTED,
    "input_background_fill": palette.CARD,
    "input_background_fill_focus": palette.CARD,
    "input_border_color": palette.CONTROL_LINE,
    "input_border_color_focus": palette.INK,
    "input_border_width": "1px",
    "input_placeholder_color": palette.MUTED,
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "checkbox_background_color": palette.CARD,
    "checkbox_background_color_selected": palette.ADAPTED,
    "checkbox_border_color": palette.CONTROL_LINE,
    "checkbox_border_color_selected": palette.ADAPTED,
    "checkbox_label_background_fill": palette.CARD,
    "checkbox_label_background_fill_hover": palette.ADAPTED_TINT,
    "checkbox_label_background_fill_selected": palette.ADAPTED_TINT,
    "checkbox_label_border_color": palette.CONTROL_LINE,
    "checkbox_label_text_color": palette.INK,
    "checkbox_label_text_color_selected": palette.INK,
    "button_primary_background_fill": palette.INK,
    "button_primary_background_fill_hover": palette.ADAPTED,
    "button_primary_border_color": palette.INK,
    "button_primary_border_color_hover": palette.ADAPTED,
    "button_primary_text_color": palette.CARD,
    "button_primary_text_color_hover": palette.CARD,
    "button_secondary_background_fill": palette.CARD,
    "button_secondary_background_fill_hover": palette.ADAPTED_TINT,
    "button_secondary_border_color": palette.CONTROL_LINE,
    "button_secondary_text_color": palette.INK,
    "button_secondary_text_color_hover": palette.INK,
    "button_border_width": "1px",
    "error_background_fill": palette.WARNING_TINT,
    "error_border_color": palette.WARNING,
    "error_text_color": palette.WARNING,
    "error_icon_color": palette.WARNING,
    "accordion_text_color": palette.INK,
    "table_text_color": palette.INK,
    "table_even_background_fill": palette.PAGE,
    "table_odd_background_fill": palette.CARD,
    "loader_color": palette.ADAPTED,
    "slider_color": palette.ADAPTED,
}


def page_theme() -> gr.themes.Base:
    """Gradio's components in the project's colours, by day and by night."""
    theme = gr.themes.Base(
        font=[TEXT_FONT, "system-ui", "sans-serif"],
        font_mono=[MONO_FONT, "ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_sm,
        text_size=gr.themes.sizes.text_md,
    )
    by_night = {f"{name}_dark": palette.NIGHT.get(value, value) for name, value in COLOURS.items()}
    return theme.set(**COLOURS, **{name: value for name, value in by_night.items() if hasattr(theme, name)})


def css_variables() -> str:
    """The palette, by day and by night, and the type scale for assets/style.css."""
    colours = {
        "ink": palette.INK,
        "muted": palette.MUTED,
        "page": palette.PAGE,
        "card": palette.CARD,
        "band": palette.BAND,
        "on-band": palette.ON_BAND,
        "line": palette.LINE,
        "control": palette.CONTROL_LINE,
        "base": palette.BASE,
        "base-tint": palette.BASE_TINT,
        "base-on-band": palette.BASE_ON_BAND,
        "adapted": palette.ADAPTED,
        "adapted-tint": palette.ADAPTED_TINT,
        "adapted-on-band": palette.ADAPTED_ON_BAND,
        "warning": palette.WARNING,
        "warning-tint": palette.WARNING_TINT,
    }
    sizes = {f"type-{name}": f"{pixels / 16:g}rem" for name, pixels in palette.TYPE.items()}
    by_night = {name: palette.NIGHT[colour] for name, colour in colours.items()}
    # Gradio gives the body this class where its own switch or the system says so.
    return _rule(":root", {**colours, **sizes, "font": palette.FONT}) + "\n" + _rule(".dark", by_night)


def page_css() -> str:
    """Variables and rules, as the page gets them."""
    return css_variables() + "\n" + STYLE_FILE.read_text(encoding="utf-8")


def _rule(selector: str, variables: dict[str, str]) -> str:
    return f"{selector} {{ " + " ".join(f"--hw-{name}: {value};" for name, value in variables.items()) + " }"
