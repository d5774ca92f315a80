"""What stands beside the choice of a base model."""

from typing import Any

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.models.catalog import offered_base_models
from qlora_core.server.services import Services
from qlora_core.ui.words import train as words


def about_base_model(services: Services, base_model: object) -> str:
    """What stands beside the choice of a base model: what it is, whose it is, and how large."""
    entry, setting = offered_base_models().get(str(base_model)), SETTINGS["base_model"]
    if entry is None:
        return setting.help
    found = services.availability.finding("base_model", entry.name)
    if found is not None and found.weights_bytes:
        weights = words.weights_here(found.weights_bytes, found.sha256)
    else:
        weights = words.weights_listed(entry.megabytes)
    return words.base_model(setting.help, entry.hub_id, entry.licence, weights)


def shown_about(services: Services, base_model: object) -> dict[str, Any]:
    """The same, as an update of the control that the choice is made with."""
    return gr.update(info=about_base_model(services, base_model))
