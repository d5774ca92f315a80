"""The part of the tab "Fine-tune" that looks at the pairs before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.choices import LABELS
from qlora_core.data.catalog import OWN_FILE
from qlora_core.data.look import PairsLook, facts
from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import plain
from qlora_core.ui.train.submission import chosen_from
from qlora_core.ui.words import train as words


@dataclass(frozen=True)
class LookPanel:
    """Where the look is shown."""

    panel: gr.Accordion
    text: gr.Markdown


def look_panel() -> LookPanel:
    """Lay the part out: closed, because nothing is read before somebody wants to see it."""
    with gr.Accordion(_(words.LOOK), open=False, elem_id="look") as panel:
        text = gr.Markdown(latex_delimiters=[], elem_classes="form-look")
    return LookPanel(panel, text)


def wire_look(
    services: Services,
    part: LookPanel,
    chosen: Sequence[gr.components.Component],
    dataset: gr.components.Component,
    own_file: gr.File,
) -> None:
    """Look when the part is opened, and again when what it depends on changes while it is open.

    Args:
        chosen: what ``chosen_from`` takes.
    """
    is_open = gr.State(False)

    def look(is_open: bool, *chosen: object) -> str:
        """Read the pairs, and say what a run would learn from."""
        return looked_at(services, chosen) if is_open else ""

    def file_chosen(dataset: str, own_file: str | None) -> tuple[Any, bool]:
        """Open the part for a file of one's own."""
        wanted = bool(own_file) and dataset == OWN_FILE.name
        return gr.update(open=wanted), wanted

    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    shown: dict[str, Any] = {
        "fn": look,
        "inputs": [is_open, *chosen],
        "outputs": part.text,
        "trigger_mode": "always_last",
        "concurrency_limit": 2,
        "show_progress": "minimal",
        **PRIVATE,
    }
    part.panel.expand(lambda: True, None, is_open, **quietly).then(**shown)
    part.panel.collapse(lambda: False, None, is_open, **quietly)
    own_file.change(file_chosen, [dataset, own_file], [part.panel, is_open], **quietly).then(**shown)
    changes = [_settled(control) for control in chosen if control is not own_file]
    gr.on([change for change in changes if change is not None], **shown)


def _settled(control: Any) -> Any:
    """The event of a control that says that a value is there; what is being typed is none yet."""
    return control.blur if isinstance(control, gr.Textbox) else getattr(control, "change", None)


def looked_at(services: Services, chosen: Sequence[object]) -> str:
    """What a run with these settings would learn from, or why it cannot, as Markdown."""
    try:
        config = chosen_from(services, chosen)
        return in_words(services.files.look(config), config.max_length)
    except QLoRAError as error:
        return words.cannot_be_used(plain(error, 600))


def in_words(look: PairsLook, max_length: int) -> str:
    """A list of facts, then the first pairs, as Markdown; nothing of a file is taken for markup."""
    said = [f"- {plain(fact, 400)}" for fact in facts(look, max_length)]
    first = [words.pair(_(LABELS[pair.label]), plain(pair.sentence1), plain(pair.sentence2)) for pair in look.first]
    return "\n".join([*said, "", _(words.FIRST_PAIRS), "", *(f"1. {line}" for line in first)])
