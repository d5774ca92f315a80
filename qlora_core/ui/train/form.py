"""The settings on the page: a table of fields and their controls, and the way from values to a configuration and back.

Every control bears the name of its field, which is its name in transformers, PEFT or bitsandbytes; what it means stands
beside it. The limits are RunConfig's: a box takes any number, and what is out of range is said in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from qlora_core.config import BERT_LINEAR_LAYERS, DEFAULT_PRESET, PRESETS, RunConfig, load_config, make_config

DATA, QUANTIZATION, LORA, TRAINING = "Data", "Quantisation (bitsandbytes)", "Adapter (PEFT)", "Training (transformers)"
SECTIONS = (QUANTIZATION, LORA, TRAINING, DATA)


@dataclass(frozen=True)
class Field:
    """One setting's control."""

    name: str
    section: str
    label: str
    help: str
    kind: type[gr.components.Component]
    options: Mapping[str, Any] = field(default_factory=dict)

    def control(self, value: object) -> gr.components.Component:
        """The Gradio component, holding ``value``."""
        return self.kind(
            value=value,
            label=f"{self.label} ({self.name})",
            info=self.help,
            **self.options,
        )


WHOLE = {"precision": 0}
#: Settings that may be left empty. Gradio makes 0 of an empty box.
EMPTY_MEANS_ALL = ("max_train_samples", "max_eval_samples")

FIELDS = (
    Field(
        "quantization",
        QUANTIZATION,
        "Storage of the frozen matrices",
        "NF4 spends 4 bits on each weight, on levels placed for bell-shaped weights; none keeps them as they are.",
        gr.Radio,
        {"choices": ["nf4", "fp4", "int8", "none"]},
    ),
    Field(
        "bnb_4bit_use_double_quant",
        QUANTIZATION,
        "Double quantisation",
        "Stores the scale of each block of 64 weights in 8 bits instead of 32: about 0.4 bits saved a weight.",
        gr.Checkbox,
    ),
    Field(
        "bnb_4bit_compute_dtype",
        QUANTIZATION,
        "Number type of the products",
        "Weights are unpacked to this type for each matrix product; auto takes what this machine is fastest in.",
        gr.Dropdown,
        {"choices": ["auto", "float32", "bfloat16", "float16"]},
    ),
    Field(
        "r",
        LORA,
        "Rank",
        "Each adapted matrix W gets W + B A, where B and A are only r numbers wide: a larger r can learn more.",
        gr.Slider,
        {"minimum": 1, "maximum": 256, "step": 1},
    ),
    Field(
        "lora_alpha",
        LORA,
        "Scaling",
        "The adapter's output is multiplied by lora_alpha / r: twice r is a common choice.",
        gr.Number,
    ),
    Field(
        "lora_dropout",
        LORA,
        "Dropout",
        "Share of the adapter's inputs that is dropped at random while it trains, against learning by heart.",
        gr.Slider,
        {"minimum": 0, "maximum": 0.9, "step": 0.05},
    ),
    Field(
        "target_modules",
        LORA,
        "Adapted layers",
        "The linear layers that receive an adapter; the QLoRA paper found that all of them are needed.",
        gr.CheckboxGroup,
        {"choices": list(BERT_LINEAR_LAYERS)},
    ),
    Field(
        "modules_to_save",
        LORA,
        "Layers trained in full",
        "The classifier is new and has to be trained; the pooler below it may be.",
        gr.CheckboxGroup,
        {"choices": ["classifier", "pooler"]},
    ),
    Field(
        "use_rslora",
        LORA,
        "Rank-stabilised scaling",
        "Scales by lora_alpha / sqrt(r) instead, so that large ranks learn as fast as small ones.",
        gr.Checkbox,
    ),
    Field(
        "learning_rate",
        TRAINING,
        "Learning rate",
        "How far one step moves the weights, at its peak: too small learns nothing, too large forgets everything.",
        gr.Number,
        {"step": 1e-5},
    ),
    Field(
        "num_train_epochs",
        TRAINING,
        "Epochs",
        "How often the model sees every training pair; the best epoch is kept.",
        gr.Slider,
        {"minimum": 1, "maximum": 100, "step": 1},
    ),
    Field(
        "train_batch_size",
        TRAINING,
        "Batch size",
        "Pairs that are averaged into one step: more is steadier and takes more memory.",
        gr.Number,
        WHOLE,
    ),
    Field(
        "lr_scheduler_type",
        TRAINING,
        "Schedule",
        "How the learning rate falls after the warm-up.",
        gr.Dropdown,
        {"choices": ["linear", "cosine", "constant"]},
    ),
    Field(
        "warmup_ratio",
        TRAINING,
        "Warm-up",
        "Share of the steps over which the learning rate rises from zero, so that the first steps do no harm.",
        gr.Slider,
        {"minimum": 0, "maximum": 0.9, "step": 0.01},
    ),
    Field(
        "weight_decay",
        TRAINING,
        "Weight decay",
        "Each step shrinks the trained weights by this share of the learning rate.",
        gr.Number,
    ),
    Field(
        "max_grad_norm",
        TRAINING,
        "Gradient clipping",
        "A step's gradient is shortened to this length where it is longer.",
        gr.Number,
    ),
    Field(
        "label_smoothing_factor",
        TRAINING,
        "Label smoothing",
        "Share of each label that is given to the other one, so that the model grows less sure of itself.",
        gr.Slider,
        {"minimum": 0, "maximum": 0.45, "step": 0.05},
    ),
    Field(
        "hidden_dropout_prob",
        TRAINING,
        "Dropout in the encoder",
        "Share of the frozen encoder's outputs that is dropped at random while training.",
        gr.Slider,
        {"minimum": 0, "maximum": 0.9, "step": 0.05},
    ),
    Field(
        "swap_probability",
        TRAINING,
        "Swapped pairs",
        "Chance that a training pair is shown with its two sentences in the other order.",
        gr.Slider,
        {"minimum": 0, "maximum": 1, "step": 0.05},
    ),
    Field(
        "evaluations_per_epoch",
        TRAINING,
        "Evaluations an epoch",
        "How often the validation pairs are answered in each epoch: more points on the curve, more time.",
        gr.Slider,
        {"minimum": 1, "maximum": 20, "step": 1},
    ),
    Field(
        "max_train_samples",
        DATA,
        "Training pairs",
        "Train on so many pairs, drawn at random; empty means all of them.",
        gr.Number,
        WHOLE,
    ),
    Field(
        "max_eval_samples",
        DATA,
        "Validation pairs",
        "Validate on so many pairs, drawn at random; empty means all of them.",
        gr.Number,
        WHOLE,
    ),
    Field(
        "max_length",
        DATA,
        "Tokens a pair",
        "A longer pair loses tokens from the end of its longer sentence.",
        gr.Slider,
        {"minimum": 8, "maximum": 512, "step": 8},
    ),
    Field(
        "eval_batch_size",
        DATA,
        "Pairs evaluated at once",
        "Changes time and memory, and no result.",
        gr.Number,
        WHOLE,
    ),
    Field(
        "bootstrap_samples",
        DATA,
        "Bootstrap resamples",
        "How many times the validation pairs are drawn anew for each 95 % interval.",
        gr.Number,
        WHOLE,
    ),
    Field(
        "seed",
        DATA,
        "Seed",
        "Decides everything that is drawn at random: the same seed gives the same run.",
        gr.Number,
        WHOLE,
    ),
)
FIELD_NAMES = tuple(item.name for item in FIELDS)


def to_control(value: object) -> object:
    """A field's value as its control takes it."""
    return list(value) if isinstance(value, tuple) else value


def preset_values(preset: str) -> list[object]:
    """The controls' values for a preset, in the order of ``FIELDS``."""
    return control_values(make_config(preset if preset in PRESETS else DEFAULT_PRESET))


def control_values(config: RunConfig) -> list[object]:
    """The controls' values for a configuration, in the order of ``FIELDS``."""
    return [to_control(getattr(config, name)) for name in FIELD_NAMES]


def config_from(base_model: str, dataset: str, values: list[object]) -> RunConfig:
    """The configuration that the page's controls describe.

    Raises:
        ConfigError: a value is of the wrong type or out of range.
    """
    settings = dict(zip(FIELD_NAMES, values, strict=True))
    settings |= {name: settings[name] or None for name in EMPTY_MEANS_ALL}
    return load_config({"base_model": base_model, "dataset": dataset, **settings})
