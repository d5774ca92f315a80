"""A GPU that is borrowed by a click: where a run is carried out, and the click that takes it forward on a GPU."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.server.zerogpu.loans import Loans
from qlora_core.store.run import Run
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.train.submission import devices
from qlora_core.ui.words import train as words

#: Runs with a GPU at one time: each takes memory of this machine for its model, and a part of a core.
MAX_LOANS = 4


def device_control(services: Services) -> gr.Radio:
    """Where a run is carried out: shown where there is a choice."""
    choices = devices(services)
    return gr.Radio(
        [(f"{choice.heading}: {choice.help}", name) for name, choice in choices.items()],
        value=next(iter(choices)),
        label=_(words.DEVICE),
        info=_(words.DEVICE_HELP),
        visible=len(choices) > 1,
        elem_classes="devices",
    )


def wire_borrowing(services: Services, loans: Loans, message: gr.Markdown) -> None:
    """The button that the page's scripts press to borrow a GPU for a run: a request of the visitor, who pays for it."""
    run, secret, owner = (gr.Textbox(visible=False) for _ in range(3))
    button = gr.Button("", elem_id="borrow", elem_classes="results-file")  # the style sheet hides it

    def borrow(run_id: str, secret: str, owner: str) -> Iterator[str]:
        """Carry a run forward on a borrowed GPU; says how that ended."""
        try:
            run = borrowed_for(services, run_id, secret, owner)
            for _second in loans.borrow(run):
                yield _(words.BORROWING)
            yield plain(run.status.said, MAX_MESSAGE)
        except QLoRAError as error:
            yield words.refused(plain(error, MAX_MESSAGE))

    waiting: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_limit": MAX_LOANS}
    button.click(borrow, [run, secret, owner], message, js="() => qlora.borrower()", **waiting, **PRIVATE)


def borrowed_for(services: Services, run_id: str, secret: str, owner_pass: str = "") -> Run:
    """The run that a visitor wants a GPU for.

    Raises:
        RunError: there is no such run.
        NotYours: it is somebody else's.
    """
    run = services.store.open(run_id)
    services.who_may.check_control(run, secret, owner_pass)
    return run
