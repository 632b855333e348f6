"""The look: one table of tokens from which the light and the dark theme and the style sheet's variables are made.

Does not know the page's structure. System fonts only; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr

__all__ = ["TOKENS", "build_theme", "css_variables"]

# name: (light, dark). Contrast of ink and muted on paper and panel is at least 4.5 to 1 in both.
TOKENS: Mapping[str, tuple[str, str]] = {
    "paper": ("#f5f6f8", "#101318"),
    "panel": ("#ffffff", "#181c23"),
    "sunken": ("#eceef2", "#0b0e12"),
    "line": ("#dce0e7", "#2a303a"),
    "line-strong": ("#b9c0cc", "#434c5a"),
    "ink": ("#1a202b", "#e7ebf1"),
    "muted": ("#5a6474", "#9aa5b5"),
    "accent": ("#4b45b8", "#aba7ff"),
    "accent-soft": ("#ecebfa", "#26264a"),
    "on-accent": ("#ffffff", "#14132e"),
    "warn": ("#8a4b00", "#f5b95c"),
    "warn-soft": ("#fdf1dd", "#33260f"),
    "bad": ("#a4161a", "#ff9d94"),
    "bad-soft": ("#fdeaea", "#3a1a1c"),
    # The colours of the house: they mean the same everywhere and are told apart by colour-blind eyes.
    "truth": ("#009E73", "#009E73"),
    "answer-a": ("#0072B2", "#0072B2"),
    "answer-b": ("#D55E00", "#D55E00"),
    "spoken": ("#E69F00", "#E69F00"),
    "rest": ("#8b929d", "#8b929d"),
}

_SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace"]

# Gradio's variable: our token
_GRADIO = {
    "body_background_fill": "paper",
    "body_text_color": "ink",
    "body_text_color_subdued": "muted",
    "background_fill_primary": "panel",
    "background_fill_secondary": "paper",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent",
    "block_background_fill": "panel",
    "block_border_color": "line",
    "block_label_text_color": "muted",
    "block_label_background_fill": "panel",
    "block_title_text_color": "muted",
    "block_info_text_color": "muted",
    "panel_background_fill": "panel",
    "input_background_fill": "panel",
    "input_border_color": "line-strong",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "muted",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent",
    "button_primary_text_color": "on-accent",
    "button_primary_border_color": "accent",
    "button_secondary_background_fill": "panel",
    "button_secondary_background_fill_hover": "sunken",
    "button_secondary_text_color": "ink",
    "button_secondary_border_color": "line-strong",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color_selected": "accent",
    "checkbox_border_color": "line-strong",
    "slider_color": "accent",
    "loader_color": "accent",
}


def build_theme() -> gr.themes.Base:
    """Gradio's theme out of the tokens."""
    values: dict[str, str] = {
        "block_border_width": "1px",
        "block_shadow": "none",
        "block_radius": "8px",
        "block_label_text_size": "12px",
        "block_title_text_size": "12px",
        "block_title_text_weight": "500",
        "input_shadow": "none",
        "input_shadow_focus": "0 0 0 2px var(--lamm-accent-soft)",
        "input_radius": "6px",
        "button_large_radius": "6px",
        "button_small_radius": "6px",
        "button_transition": "background-color 0.12s",
        "layout_gap": "8px",
        "form_gap_width": "0px",
    }
    for variable, token in _GRADIO.items():
        values[variable], values[f"{variable}_dark"] = TOKENS[token]
    theme = gr.themes.Base(
        font=_SANS,
        font_mono=_MONO,
        text_size=gr.themes.sizes.text_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_md,
    )
    return theme.set(**values)


def css_variables() -> str:
    """``--lamm-…`` variables for the style sheet, light and dark."""
    light = "".join(f"--lamm-{name}:{value[0]};" for name, value in TOKENS.items())
    dark = "".join(f"--lamm-{name}:{value[1]};" for name, value in TOKENS.items())
    return f":root{{{light}color-scheme:light}}\n.dark{{{dark}color-scheme:dark}}\n"
