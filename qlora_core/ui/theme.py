"""How the page looks: Gradio's theme variables, filled from the palette, and the style sheet."""

import gradio as gr
from gradio.themes.utils.fonts import Font, LocalFont

from qlora_core.assets import ASSETS
from qlora_core.ui.palette import DARK, LIGHT, css_variables

#: In ``css/``, in their order: of two rules that weigh the same, the later one counts.
SHEETS = ("live", "live_charts", "results", "compare", "inside", "inside_pictures", "inside_pair", "class", "present")
#: Gradio's variables in either mode; what is not named in the dark one is as in the light one.
LIGHT_VARIABLES = {
    "body_background_fill": LIGHT.page,
    "body_text_color": LIGHT.ink,
    "body_text_color_subdued": LIGHT.muted,
    "background_fill_primary": LIGHT.card,
    "background_fill_secondary": LIGHT.page,
    "block_background_fill": LIGHT.card,
    "block_border_color": LIGHT.line,
    "block_label_text_color": LIGHT.ink,
    "block_title_text_color": LIGHT.ink,
    "block_info_text_color": LIGHT.muted,
    "border_color_primary": LIGHT.line,
    "border_color_accent": LIGHT.button,
    "input_background_fill": LIGHT.card,
    "input_border_color": "#b9b6ae",
    "input_border_color_focus": LIGHT.button,
    "input_placeholder_color": LIGHT.muted,
    "link_text_color": LIGHT.link,
    "link_text_color_hover": LIGHT.link,
    "link_text_color_visited": LIGHT.link,
    "link_text_color_active": LIGHT.link,
    "button_primary_background_fill": LIGHT.button,
    "button_primary_background_fill_hover": "#194f9f",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": LIGHT.card,
    "button_secondary_background_fill_hover": LIGHT.page,
    "button_secondary_border_color": "#b9b6ae",
    "button_secondary_text_color": LIGHT.ink,
    "color_accent": LIGHT.button,
    "color_accent_soft": "#e8f0fb",
    "slider_color": LIGHT.button,
    "table_even_background_fill": LIGHT.card,
    "table_odd_background_fill": LIGHT.page,
    "table_border_color": LIGHT.line,
    "error_text_color": LIGHT.danger,
}
DARK_VARIABLES = {
    "body_background_fill": DARK.page,
    "body_text_color": DARK.ink,
    "body_text_color_subdued": DARK.muted,
    "background_fill_primary": DARK.card,
    "background_fill_secondary": DARK.page,
    "block_background_fill": DARK.card,
    "block_border_color": DARK.line,
    "block_label_text_color": DARK.ink,
    "block_title_text_color": DARK.ink,
    "block_info_text_color": DARK.muted,
    "border_color_primary": DARK.line,
    "border_color_accent": DARK.link,
    "input_background_fill": "#11161e",
    "input_border_color": "#4a5568",
    "input_border_color_focus": DARK.link,
    "input_placeholder_color": DARK.muted,
    "link_text_color": DARK.link,
    "link_text_color_hover": DARK.link,
    "link_text_color_visited": DARK.link,
    "link_text_color_active": DARK.link,
    "button_primary_background_fill": DARK.button,
    "button_primary_background_fill_hover": "#2a63ba",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": "#222a36",
    "button_secondary_background_fill_hover": "#2a3442",
    "button_secondary_border_color": "#4a5568",
    "button_secondary_text_color": DARK.ink,
    "color_accent_soft": "#1f2f49",
    "slider_color": DARK.link,
    "table_even_background_fill": DARK.card,
    "table_odd_background_fill": DARK.page,
    "table_border_color": DARK.line,
    "error_text_color": DARK.danger,
}


def theme() -> gr.themes.Base:
    """The theme; its fonts come with Gradio, nothing is fetched from elsewhere."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=(LocalFont("IBM Plex Sans", weights=(400, 700)), Font("system-ui"), Font("sans-serif")),
        font_mono=(LocalFont("IBM Plex Mono", weights=(400, 700)), Font("ui-monospace"), Font("monospace")),
    )
    return base.set(
        **LIGHT_VARIABLES,
        **{f"{name}_dark": value for name, value in DARK_VARIABLES.items()},
        block_border_width="1px",
        input_border_width="1px",
        button_border_width="1px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="600",
        button_primary_shadow="none",
        button_large_text_weight="600",
        layout_gap="14px",
    )


def style_sheet() -> str:
    """The palette's variables, ``app.css`` and the sheets of ``css/``, which Gradio puts into the page itself."""
    sheets = [ASSETS / "app.css", *(ASSETS / "css" / f"{name}.css" for name in SHEETS)]
    return "\n".join([css_variables(), *(sheet.read_text(encoding="utf-8") for sheet in sheets)])
