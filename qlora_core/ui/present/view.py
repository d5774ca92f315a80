"""The presenter's view: a dialog over the page that shows what the live view knows, large, step by step.

It asks for nothing of its own while a run goes on: the live view's script tells it what came. Once it asks how to join,
and for a worksheet when somebody wants one.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field

from qlora_core.export.worksheet.sheet import worksheet_of
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.settings import read_settings
from qlora_core.store.run import Run
from qlora_core.ui.answers import Answer, answered
from qlora_core.ui.present.join import MAX_PAGE, join
from qlora_core.ui.results.downloads import worksheet_material
from qlora_core.ui.scripts import elements, start_present
from qlora_core.ui.train.live_news import run_to_show
from qlora_core.ui.web.hosts import Hosts, hosts_of
from qlora_core.ui.words.present import PHASES_EXPLAINED


class Joining(BaseModel):
    """Which run a class is to come to, and where the presenter's browser has the page."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run: str = Field(max_length=80)
    page: str = Field(max_length=MAX_PAGE)


class Sheet(BaseModel):
    """Whose worksheet is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run: str = Field(max_length=80)


def present_view(services: Services) -> gr.HTML:
    """The element: the dialog, closed, and the line that a follower's page begins with."""
    return gr.HTML(
        value="",
        html_template=elements("present/present.html"),
        js_on_load=start_present(),
        tables={"phases": {name: _(text) for name, text in PHASES_EXPLAINED.items()}},
        server_functions=[_join(services, hosts_of(read_settings())), _worksheet(services)],
        elem_id="present",
        container=False,
        padding=False,
    )


def _join(services: Services, hosts: Hosts) -> Callable[[Any, gr.Request], Answer]:
    def join_by(request: Any, sent: gr.Request) -> Answer:
        """The address that leads a phone to a run, and its QR code."""
        return answered(Joining, request, lambda asked: joined(asked, sent.headers.get("host", "")))

    def joined(asked: Joining, host: str) -> Answer:
        run, anyway = services.run(asked.run), run_to_show(services, "")
        is_shown = anyway is not None and anyway.id == run.id
        return asdict(join(asked.page, host, hosts, run.id, shown_anyway=is_shown))

    return join_by


def _worksheet(services: Services) -> Callable[[Any], Answer]:
    def worksheet(request: Any) -> Answer:
        """A finished run's worksheet as a page."""
        return answered(Sheet, request, lambda asked: made(services.run(asked.run)))

    def made(run: Run) -> Answer:
        return {"name": f"{run.id}.html", "page": worksheet_of(run, worksheet_material(services, run))}

    return worksheet
