"""The elements in which a class guesses and judges, drawn by scripts (``assets/class/``)."""

from typing import Literal

import gradio as gr

from qlora_core.assets import ASSETS
from qlora_core.ui.scripts import start_class


def class_element(place: Literal["live", "results"]) -> gr.HTML:
    """What follows the run of the live view, or the one that its value names on Results."""
    return gr.HTML(
        value="",
        html_template=(ASSETS / "class" / f"{place}.html").read_text(encoding="utf-8"),
        js_on_load=start_class(place),
        elem_id=f"class-{place}",
        container=False,
        padding=False,
    )
