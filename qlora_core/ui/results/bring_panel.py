"""The part of the tab "Results" that takes in a run of elsewhere."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from qlora_core.errors import ArchiveError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.server.who_may import may_be_secret
from qlora_core.store.files import open_file
from qlora_core.store.run import Run
from qlora_core.ui.words import brought as words


@dataclass(frozen=True)
class BringPanel:
    """Where a zip is dropped, and what came of it."""

    file: gr.File
    message: gr.Markdown
    secret: gr.Textbox  #: of the browser that brings it


def bring_panel() -> BringPanel:
    """Lay the part out."""
    with gr.Accordion(_(words.BRING), open=False, elem_id="bring-run"):
        gr.Markdown(_(words.BRING_HELP))
        file = gr.File(label=_(words.BRING_FILE), file_types=[".zip"], type="filepath", height=140, elem_id="run-zip")
        message = gr.Markdown(latex_delimiters=[], elem_id="bring-message")
    return BringPanel(file, message, gr.Textbox(visible=False))


def brought_run(services: Services, file: object, secret: object) -> Run:
    """The run in an uploaded zip, in the store from now on.

    Raises:
        QLoRAError: it is not taken in, and why.
    """
    if not isinstance(file, str) or not _is_file(file):
        raise ArchiveError(_(words.NO_FILE_BROUGHT))
    owner = secret if isinstance(secret, str) and may_be_secret(secret) else ""
    return services.brought.bring(Path(file), owner)


def _is_file(path: str) -> bool:
    """False also of what can be no file's name."""
    with suppress(OSError, ValueError), open_file(Path(path)):
        return True
    return False
