"""The tab "Inside": the four bits and the adapter of a run, on its real numbers.

One element, drawn by scripts (``assets/inside/``), which ask for what is looked at. Every question is checked, because
anybody can send one; it is answered by the process that answers for the whole page.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field

from qlora_core.assets import ASSETS
from qlora_core.errors import QLoRAError
from qlora_core.inspection.questions import InsideQuestion
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.answers import Answer, answered
from qlora_core.ui.compare.sides import check_run, second_choices
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import MAX_MESSAGE, MAX_NAME, one_line
from qlora_core.ui.scripts import elements, start_inside


class Asked(BaseModel):
    """What a visitor looks at: which run, and what of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run: str = Field(max_length=80)
    question: InsideQuestion


def inside_tab(services: Services) -> gr.HTML:
    """Build the tab inside the current ``gr.Tab``; it begins when it is first seen."""
    return gr.HTML(
        value="",
        html_template=elements("inside/inside.html"),
        js_on_load=start_inside(),
        server_functions=server_functions(services),
        elem_id="inside",
        container=False,
        padding=False,
    )


def server_functions(services: Services) -> list[Callable[[Any], dict[str, Any]]]:
    """What the scripts may ask, by the functions' names."""
    return [_runs(services), _about(services), _ask(services)]


def wire_opening(tabs: gr.Tabs) -> None:
    """What a script presses to open the tab; has to be called inside the page's ``gr.Blocks`` and outside its tabs."""
    opener = gr.Button(visible="hidden", elem_id="open-inside")
    opener.click(lambda: gr.Tabs(selected="inside"), None, tabs, show_progress="hidden", queue=False, **PRIVATE)


def _runs(services: Services) -> Callable[[Any], dict[str, Any]]:
    def runs(request: Any) -> dict[str, Any]:
        """Label and id of every run that can be looked into."""
        del request
        return {"runs": second_choices(services)}

    return runs


def _about(services: Services) -> Callable[[Any], dict[str, Any]]:
    def about(request: Any) -> dict[str, Any]:
        """What was measured of a run's memory once it has finished, and of its answers in other formats."""
        try:
            run = check_run(services, request.get("run") if isinstance(request, dict) else None)
            measured = measured_memory(run) if run.has_result else {}
            return measured | {"format_scores": format_scores().get(run.id)}
        except QLoRAError as error:
            return {"error": one_line(error, MAX_MESSAGE)}

    return about


@cache
def format_scores() -> dict[str, Any]:
    """What ``benchmarks/formats.py`` measured of the recorded runs, by run."""
    found: dict[str, Any] = json.loads((ASSETS / "inside" / "format_scores.json").read_text(encoding="utf-8"))
    return found


def measured_memory(run: Run) -> dict[str, Any]:
    """Bytes of a finished run's tensors by group, of its process, and what it ran on.

    Raises:
        RunError: its result cannot be read.
    """

    def read(result: Mapping[str, Any]) -> dict[str, Any]:
        stored = result["quantization"]
        return {
            "bytes": stored["bytes"],
            "bytes_total": stored["bytes_total"],
            "bytes_float32": stored["bytes_float32"],
            "peak_rss_bytes": result["peak_rss_bytes"],
            "device": one_line(result["environment"].get("device_name", ""), MAX_NAME),
        }

    return run.from_result(read)


def _ask(services: Services) -> Callable[[Any], Answer]:
    def answer(asked: Asked) -> Answer:
        return {"answer": services.asker.inside(check_run(services, asked.run), asked.question)}

    def ask(request: Any) -> Answer:
        """What a run answers to a question about its inside."""
        return answered(Asked, request, answer)

    return ask
