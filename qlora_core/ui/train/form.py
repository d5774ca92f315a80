"""The settings on the page: a control for each, and the way from their values to a configuration and back.

A control bears the setting's label and help; its kind, limits and choices follow from the field's type. Limits are
RunConfig's: a box takes any number, and what is out of range is said in words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from qlora_core.choices import BERT_LINEAR_LAYERS, OneOf
from qlora_core.config import SETTINGS, RunConfig, load_config, make_config
from qlora_core.data.catalog import DATASETS, OWN_FILE
from qlora_core.fields import SECTIONS, Setting
from qlora_core.presets import DEFAULT_PRESET, PRESETS

Kind = type[gr.components.Component]


@dataclass(frozen=True)
class Slide:
    """A number that is set with a slider."""

    step: float
    maximum: float | None = None  #: where the slider ends if not at the field's own limit


#: Number boxes are for values that are spread over orders of magnitude; these are not.
SLIDERS = {
    "r": Slide(1),
    "lora_dropout": Slide(0.05, 0.9),
    "num_train_epochs": Slide(1),
    "warmup_ratio": Slide(0.01, 0.9),
    "label_smoothing_factor": Slide(0.05, 0.45),
    "hidden_dropout_prob": Slide(0.05, 0.9),
    "swap_probability": Slide(0.05),
    "evaluations_per_epoch": Slide(1),
    "max_length": Slide(8),
}
#: What the arrow keys add to a number in a box, where 1 is too much.
STEPS = {"learning_rate": 1e-5}
RADIOS = ("quantization",)
#: Any name of a layer is allowed, as other models have others; these are offered.
OFFERED = {"target_modules": [(layer, layer) for layer in BERT_LINEAR_LAYERS]}
#: These are chosen beside the preset, not among the settings.
SUBJECT = SECTIONS[0]
FIELD_NAMES = tuple(name for name, setting in SETTINGS.items() if setting.section != SUBJECT)


def control(setting: Setting, value: object) -> gr.components.Component:
    """A setting's Gradio component, holding ``value``."""
    kind, options = _looks(setting)
    return kind(value=value, label=f"{setting.label} ({setting.name})", info=setting.help, **options)


def _looks(setting: Setting) -> tuple[Kind, dict[str, Any]]:
    """The kind of control for a field's type, and what it takes besides value and words."""
    name, annotation = setting.name, RunConfig.model_fields[setting.name].annotation
    if choices := _choices(name):
        kind: Kind = gr.Radio if name in RADIOS else gr.Dropdown
        return (gr.CheckboxGroup if isinstance(setting.default, tuple) else kind), {"choices": choices}
    if annotation is bool:
        return gr.Checkbox, {}
    if name in SLIDERS:
        slide, limits = SLIDERS[name], _limits(name)
        return gr.Slider, {"minimum": limits["ge"], "maximum": slide.maximum or limits["le"], "step": slide.step}
    whole = int in (annotation, *get_args(annotation))
    return gr.Number, {"precision": 0 if whole else None, "step": STEPS.get(name, 1)}


def _choices(name: str) -> list[tuple[str, str]]:
    """Label and value of each, where a field is one or several of a list."""
    tables = [mark.choices for mark in _marks(name) if isinstance(mark, OneOf)]
    return [(choice.label, choice.name) for table in tables for choice in table.values()] or OFFERED.get(name, [])


def _limits(name: str) -> dict[str, Any]:
    """A field's limits by what pydantic calls them: ge, gt, le, lt."""
    limits = ("ge", "gt", "le", "lt")
    return {limit: getattr(mark, limit) for mark in _marks(name) for limit in limits if hasattr(mark, limit)}


def _marks(name: str) -> Iterator[object]:
    """What a field's annotation carries beside its type, also that of a tuple's members."""
    field = RunConfig.model_fields[name]
    yield from field.metadata
    for member in get_args(field.annotation):
        yield from getattr(member, "__metadata__", ())


def to_control(value: object) -> object:
    """A field's value as its control takes it."""
    return list(value) if isinstance(value, tuple) else value


def preset_values(preset: str, dataset: str = SETTINGS["dataset"].default) -> list[object]:
    """The controls' values for a preset on some pairs, in the order of ``FIELD_NAMES``; unknown names count as none.

    ``dataset`` is a name of the catalog's, or that of a file of one's own.
    """
    pairs = {"dataset": dataset} if dataset in (*DATASETS, OWN_FILE.name) else {}
    return control_values(make_config(preset if preset in PRESETS else DEFAULT_PRESET, **pairs))


def control_values(config: RunConfig) -> list[object]:
    """The controls' values for a configuration, in the order of ``FIELD_NAMES``."""
    return [to_control(getattr(config, name)) for name in FIELD_NAMES]


def config_from(base_model: str, dataset: str, values: list[object], **subject: object) -> RunConfig:
    """The configuration that the page's controls describe.

    Args:
        values: of ``FIELD_NAMES``, in that order.
        subject: further settings of the section that base model and dataset are in.

    Raises:
        ConfigError: a value is of the wrong type or out of range.
    """
    settings = dict(zip(FIELD_NAMES, values, strict=True))
    # Gradio makes 0 of a box that is left empty.
    settings |= {name: settings[name] or None for name in FIELD_NAMES if SETTINGS[name].default is None}
    return load_config({"base_model": base_model, "dataset": dataset, **subject, **settings})
