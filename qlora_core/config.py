"""What a run may be asked to do: every field, its limits and its meaning, in one place.

Field names are those of transformers' ``TrainingArguments``, PEFT's ``LoraConfig`` and
``BitsAndBytesConfig`` wherever such a field exists.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qlora_core.choices import (
    BERT_LINEAR_LAYERS,
    SCHEMES,
    ComputeDtype,
    HeadModule,
    Quantization,
    Scheduler,
    Scheme,
)
from qlora_core.errors import ConfigError

Name = Annotated[str, Field(min_length=1, max_length=4096)]

#: Fields that may hold a path on the machine that a run happened on.
PATH_FIELDS = ("base_model", "dataset", "data_dir")


class RunConfig(BaseModel):
    """One run's settings; immutable, and rejected as a whole if any field is wrong or unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    base_model: Name = Field("minilm", description="Pretrained encoder: a name from the catalog or a folder.")
    dataset: Name = Field("pairs", description="Sentence pairs: 'pairs', 'mrpc' or a file.")
    data_dir: Name | None = Field(None, description="Folder that holds MRPC's parquet files.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the head, the adapter, the order and the dropout.")
    max_train_samples: int | None = Field(None, ge=8, le=1_000_000, description="Train on n pairs drawn at random.")
    max_eval_samples: int | None = Field(None, ge=8, le=1_000_000, description="Validate on n pairs drawn at random.")
    max_length: int = Field(128, ge=8, le=512, description="Tokens of a pair; what is longer is cut off.")

    quantization: Quantization = Field("nf4", description="How the frozen encoder matrices are stored.")
    bnb_4bit_use_double_quant: bool = Field(True, description="Quantise the 4-bit scales themselves to 8 bits.")
    bnb_4bit_compute_dtype: ComputeDtype = Field("auto", description="Number type of the matrix products.")

    r: int = Field(16, ge=1, le=256, description="Rank of the LoRA matrices.")
    lora_alpha: float = Field(32, gt=0, le=1024, description="The adapter's output is scaled by lora_alpha / r.")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout in front of the LoRA matrices.")
    target_modules: tuple[Name, ...] = Field(
        BERT_LINEAR_LAYERS, min_length=1, max_length=16, description="Layers that receive an adapter."
    )
    use_rslora: bool = Field(False, description="Scale by lora_alpha / sqrt(r) instead (rank-stabilised LoRA).")
    modules_to_save: tuple[HeadModule, ...] = Field(
        ("classifier", "pooler"), description="Layers trained in full beside the adapter; always the classifier."
    )

    learning_rate: float = Field(2e-4, gt=0, le=0.1, description="Peak step size of AdamW.")
    num_train_epochs: int = Field(4, ge=1, le=100, description="Passes over the training pairs.")
    train_batch_size: int = Field(16, ge=1, le=1024, description="Pairs a step, over all processes together.")
    eval_batch_size: int = Field(64, ge=1, le=1024, description="Pairs evaluated at once.")
    warmup_ratio: float = Field(0.06, ge=0, lt=1, description="Share of the steps over which the rate rises.")
    lr_scheduler_type: Scheduler = Field("linear", description="How the learning rate falls after the warm-up.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's decoupled weight decay.")
    max_grad_norm: float = Field(1.0, gt=0, le=1000, description="Gradients are clipped to this norm.")
    label_smoothing_factor: float = Field(0.0, ge=0, lt=0.5, description="Share of each label spread evenly.")
    hidden_dropout_prob: float = Field(0.0, ge=0, lt=1, description="Dropout inside the frozen encoder.")
    swap_probability: float = Field(
        0.5, ge=0, le=1, description="Chance that a training pair is shown in swapped order."
    )
    evaluations_per_epoch: int = Field(1, ge=1, le=20, description="Validation passes an epoch.")

    bootstrap_samples: int = Field(2000, ge=100, le=100_000, description="Resamples behind each 95 % interval.")

    @property
    def scheme(self) -> Scheme:
        """How the frozen encoder matrices are stored."""
        return SCHEMES[self.quantization]

    @model_validator(mode="after")
    def _check_fields_together(self) -> "RunConfig":
        if self.scheme.bits != 4 and self.bnb_4bit_compute_dtype == "float16":
            raise ValueError("bnb_4bit_compute_dtype: float16 is for 4-bit weights; choose auto, float32 or bfloat16")
        if len(set(self.target_modules)) != len(self.target_modules):
            raise ValueError("target_modules: a layer is named twice")
        if "classifier" not in self.modules_to_save:
            raise ValueError("modules_to_save: the classifier is new and has to be trained; name it")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "standard": {},
    "quick": {"max_train_samples": 1200, "num_train_epochs": 2},
    "notebook": {
        "r": 8,
        "lora_alpha": 16,
        "lora_dropout": 0.1,
        "hidden_dropout_prob": 0.1,
        "target_modules": ("query", "value"),
        "modules_to_save": ("classifier",),
        "learning_rate": 2e-4,
        "num_train_epochs": 3,
        "train_batch_size": 32,
        "swap_probability": 0.0,
    },
}
DEFAULT_PRESET = "standard"


def make_config(preset: str = DEFAULT_PRESET, **changes: object) -> RunConfig:
    """Build a configuration from a preset and the fields that differ from it.

    Raises:
        ConfigError: the preset or a field is unknown, or a value is of the wrong type or out of range.
    """
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset '{preset}'. Choose one of: {', '.join(PRESETS)}.")
    return load_config({**PRESETS[preset], **changes})


def load_config(values: Mapping[str, object]) -> RunConfig:
    """Check a mapping of field names to values, such as a run's ``config.json``.

    Raises:
        ConfigError: names every field that is wrong, and why.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error


def parse_assignments(assignments: list[str]) -> dict[str, object]:
    """Turn ``["r=16", "target_modules=query,value"]`` into field values; checking them is ``make_config``'s part.

    Raises:
        ConfigError: an assignment has no ``=`` or names no field.
    """
    values: dict[str, object] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        name = name.strip()
        if not separator:
            raise ConfigError(f"'{assignment}' is not FIELD=VALUE. Write for example --set r=16.")
        if name not in RunConfig.model_fields:
            raise ConfigError(f"There is no field '{name}'. Fields are: {', '.join(RunConfig.model_fields)}.")
        values[name] = _parse_value(name, text.strip())
    return values


def _parse_value(name: str, text: str) -> object:
    if text.lower() == "none" and name in ("data_dir", "max_train_samples", "max_eval_samples"):
        return None
    if name in ("target_modules", "modules_to_save"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def is_target(layer: str, targets: Iterable[str]) -> bool:
    """Whether PEFT gives ``layer`` an adapter: a name fits a layer's path from its end, in whole parts."""
    return any(layer == target or layer.endswith(f".{target}") for target in targets)


def check_target_modules(targets: Iterable[str], encoder_layers: Iterable[str]) -> None:
    """Refuse a target that is none of an encoder's linear layers, which are named as in ``layer.0.output.dense``.

    Raises:
        ConfigError: a name in ``target_modules`` fits no layer of this encoder.
    """
    layers = list(encoder_layers)
    for target in targets:
        if not any(is_target(layer, [target]) for layer in layers):
            names = sorted({layer.split(".", 2)[2] for layer in layers})
            raise ConfigError(
                f"target_modules: no linear layer of this encoder is called '{target}'. It has: {', '.join(names)}."
            )


def file_name(value: object) -> str:
    """The last part of a path; other names as they are."""
    return re.split(r"[\\/]", str(value).rstrip("\\/"))[-1]


def without_folders(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's values with the names of files in place of their paths on this machine."""
    return {name: file_name(value) if value and name in PATH_FIELDS else value for name, value in values.items()}


def check_max_length(max_length: int, positions: int) -> None:
    """Refuse pairs longer than a base model's table of positions (``max_position_embeddings``).

    Raises:
        ConfigError: ``max_length`` is larger than ``positions``.
    """
    if max_length > positions:
        raise ConfigError(
            f"max_length: {max_length} tokens are more than this base model can read at once. "
            f"Set it to {positions} or less."
        )


def _explain(error: ValidationError) -> str:
    problems = []
    for item in error.errors():
        field = ".".join(str(part) for part in item["loc"][:1])
        message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if item["type"] == "extra_forbidden":
            message = f"is no setting; settings are: {', '.join(RunConfig.model_fields)}"
        elif field:
            message = f"{message}, not {str(item['input'])[:80]!r}"
        problems.append(f"{field} {message}".strip())
    return "; ".join(problems) + "."
