"""Which preset to start from: what each is for and costs, and what choosing one makes of the settings."""

import json

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.data.catalog import DATASETS, OWN_FILE
from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.presets import PRESETS, Preset
from qlora_core.server.services import Services
from qlora_core.ui.opening import Opening
from qlora_core.ui.scripts import FORM, calling
from qlora_core.ui.train.form import preset_values
from qlora_core.ui.train.submission import NO_FILES, chosen_config
from qlora_core.ui.words import train as words


def preset_control(services: Services, opening: Opening) -> gr.Radio:
    """Each preset with a sentence on what it is for and what it costs."""
    return gr.Radio(
        choices=preset_choices(services, opening.base_model, opening.dataset),
        value=opening.preset,
        label=_(words.PRESET),
        elem_classes="preset-choice",
    )


def preset_choices(services: Services, base_model: str, dataset: str) -> list[tuple[str, str]]:
    """What each preset is called where it is chosen for this base model and these pairs, and its name."""
    return [
        (words.preset(preset.label, preset.help, _cost(services, base_model, dataset, preset)), preset.name)
        for preset in PRESETS.values()
    ]


def _cost(services: Services, base_model: str, dataset: str, preset: Preset) -> str:
    """What was measured here, else what its table says, which holds for the packaged base model; "" where neither."""
    try:
        config = chosen_config(services, base_model, dataset, NO_FILES, preset_values(preset.name, dataset))
    except QLoRAError:  # what keeps it from being chosen is said elsewhere
        return ""
    if (estimate := services.estimates.known(config)) is not None:
        return words.measured_cost(*estimate["seconds"])
    return preset.cost if base_model == SETTINGS["base_model"].default else ""


def filled(preset: str, dataset: str) -> str:
    """For which preset and pairs the settings on the page were filled in, as one text."""
    return f"{preset} {dataset}"


def refill() -> str:
    """JavaScript that fills in the settings where preset or pairs are changed, see ``assets/form/refill.js``."""
    table = {
        preset: {dataset: preset_values(preset, dataset) for dataset in (*DATASETS, OWN_FILE.name)}
        for preset in PRESETS
    }
    return calling(FORM, "refill", json.dumps(table))
