"""The line on Results that says by which sign a run went wrong; the rules are those of ``assets/live/signs.js``."""

from typing import Any

import gradio as gr

from qlora_core.server.services import Services
from qlora_core.store.feed import Cursor
from qlora_core.store.run import Run
from qlora_core.ui.scripts import show_results_sign

EVALUATED = ("step", "loss", "accuracy", "matthews_correlation", "only_answer")


def sign_line() -> gr.HTML:
    """The sign by which the first run went wrong, or that it shows none; its value is ``course_of`` the run."""
    return gr.HTML(
        value={},
        html_template='<p class="live-sign" role="status"></p>',
        js_on_load=show_results_sign(),
        elem_classes="results-sign",
        container=False,
        padding=False,
    )


def course_of(services: Services, run: Run) -> dict[str, Any]:
    """What happened in a run, as ``assets/live/signs.js`` takes it: numbers alone."""
    news = services.feeds.of(run.id).since(Cursor())
    majority = (each for each in news["baselines"] if each["name"] == "majority")
    return {
        "points": news["points"],
        "evaluations": [{name: entry[name] for name in EVALUATED if name in entry} for entry in news["evaluations"]],
        "baselines": [{"name": "majority", "loss": each["loss"]} for each in majority],
        "totalSteps": news["total_steps"],
        "inBoth": news["in_both"],
    }
