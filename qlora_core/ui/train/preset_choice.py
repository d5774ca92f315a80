"""Which preset to start from: what each is for and costs, and what choosing one makes of the settings."""

from collections.abc import Sequence

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.presets import PRESETS, Preset
from qlora_core.server.services import Services
from qlora_core.ui.opening import Opening
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


def refill(preset: str, dataset: str, before: str, *values: object) -> list[object]:
    """Preset or pairs were changed: ``filled`` anew, then the value of every setting.

    Another preset sets everything. Other pairs set what their recipe has otherwise, and leave what a visitor changed.
    """
    wanted = preset_values(preset, dataset)
    old_preset, _blank, old_dataset = before.partition(" ")
    if preset == old_preset:
        wanted = _keeping_changes(wanted, preset_values(old_preset, old_dataset), values)
    return [filled(preset, dataset), *wanted]


def _keeping_changes(wanted: list[object], given: list[object], values: Sequence[object]) -> list[object]:
    """``wanted`` where a value is still the one that was ``given``; an empty box is 0 or nothing."""
    return [
        new if (value or None) == (old or None) else value
        for new, old, value in zip(wanted, given, values, strict=True)
    ]
