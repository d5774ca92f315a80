"""The control in the page's header that chooses its language."""

import gradio as gr

from qlora_core.language import LANGUAGES, current
from qlora_core.language import gettext as _
from qlora_core.ui.words import page as words

CHOOSE = 'element.querySelector("select").addEventListener("change", (event) => qlora.speak(event.target.value));'


def language_choice() -> gr.HTML:
    """Every language by its own name."""
    chosen = {current(): " selected"}
    options = "".join(
        f'<option value="{code}" lang="{language.tag}"{chosen.get(code, "")}>{language.name}</option>'
        for code, language in LANGUAGES.items()
    )
    return gr.HTML(
        f'<select aria-label="{_(words.LANGUAGE)}">{options}</select>',
        js_on_load=CHOOSE,
        elem_classes="language-choice",
        container=False,
        padding=False,
    )
