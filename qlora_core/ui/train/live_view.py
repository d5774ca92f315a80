"""The live view of one run: the element, and what is done with it; what it is told is in ``live_news``."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field

from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.server.who_may import MAX_SECRET_CHARACTERS
from qlora_core.store.status import Action
from qlora_core.ui.answers import Answer, answered
from qlora_core.ui.events import address_of
from qlora_core.ui.scripts import elements, start_live_view
from qlora_core.ui.train.live_news import RunId
from qlora_core.ui.train.live_tables import tables
from qlora_core.ui.words import page as words


class Command(BaseModel):
    """What a visitor wants of a run."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run: RunId = Field(max_length=80)
    secret: str = Field(max_length=MAX_SECRET_CHARACTERS)
    owner: str = Field("", max_length=MAX_SECRET_CHARACTERS)
    action: Action


class Claim(BaseModel):
    """What a browser shows whose address bears an owner's key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(max_length=MAX_SECRET_CHARACTERS)


def live_view(services: Services) -> gr.HTML:
    """The element, with its server functions and the tables its scripts need."""
    return gr.HTML(
        value="",
        html_template=elements("live/live_view.html"),
        js_on_load=start_live_view(),
        tables=tables(),
        server_functions=[_control(services), _claim(services)],
        elem_id="live",
        container=False,
        padding=False,
    )


def _control(services: Services) -> Callable[[Any], Answer]:
    def obey(command: Command) -> Answer:
        run = services.store.open(command.run)
        services.who_may.check_control(run, command.secret, command.owner)
        actions = {"pause": services.queue.pause, "resume": services.queue.resume, "stop": services.queue.stop}
        actions[command.action](run.id)
        return {}

    def control(request: Any) -> Answer:
        """Pause, resume or stop a run."""
        return answered(Command, request, obey)

    return control


def _claim(services: Services) -> Callable[[Any, gr.Request], Answer]:
    def claim(request: Any, sent: gr.Request) -> Answer:
        """The owner's pass for the owner's key, and in words whether the key was right."""
        return answered(Claim, request, lambda shown: claimed(shown.key, address_of(sent)))

    def claimed(key: str, address: str) -> Answer:
        owner_pass = services.who_may.owner_pass(key, address)
        if not owner_pass:
            return {"error": _(words.KEY_REFUSED)}
        return {"pass": owner_pass, "words": _(words.KEY_ACCEPTED)}

    return claim
