"""What a run may be asked to do: every setting with its limits and words, and how settings are checked together.

Field names are those of transformers' ``TrainingArguments``, PEFT's ``LoraConfig`` and
``BitsAndBytesConfig`` wherever such a field exists.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from qlora_core.choices import (
    BERT_LINEAR_LAYERS,
    COMPUTE_DTYPES,
    INIT_CLASSIFIERS,
    MODULES_TO_SAVE,
    SCHEDULERS,
    SCHEMES,
    ComputeDtype,
    InitClassifier,
    ModuleToSave,
    Quantization,
    Scheduler,
    Scheme,
)
from qlora_core.errors import ConfigError
from qlora_core.fields import (
    MAX_BOOTSTRAP_SAMPLES,
    MAX_SEED,
    SECTIONS,
    ColumnNames,
    InitFrom,
    LayerName,
    Name,
    faults_in,
    in_section,
    settings_of,
)
from qlora_core.language import N_
from qlora_core.presets import DEFAULT_PRESET, PRESETS

_subject, _quantization, _lora, _training, _data = map(in_section, SECTIONS)


class RunConfig(BaseModel):
    """One run's settings; immutable, and rejected as a whole if any field is wrong or unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    base_model: Name = _subject(N_("Base model"), N_("The pretrained encoder; it stays frozen."), "minilm")
    dataset: Name = _subject(N_("Sentence pairs"), N_("What it learns from."), "pairs")
    data_dir: Name | None = _subject(N_("Folder"), N_("Folder that holds MRPC's parquet files."), None)
    columns: ColumnNames = _subject(
        N_("Columns"),
        N_(
            "Columns of a file of pairs, as FIRST,SECOND,LABEL; without them, those of well-known files are looked for."
        ),
        None,
    )
    validation_file: Name | None = _subject(
        N_("Validation file"),
        N_(
            "File of pairs to validate on; without it, a part of the pairs is set aside, and all others are trained on."
        ),
        None,
    )

    init_from: InitFrom = _subject(
        N_("Start from"),
        N_(
            "A finished run of the same base model: its adapter and pooler are what training goes on from. "
            "Without one, "
            "the adapter starts from scratch."
        ),
        None,
    )
    init_classifier: InitClassifier = _subject(
        N_("Its classifier"),
        N_("The classifier of a run that starts from another one."),
        "fresh",
        explains=INIT_CLASSIFIERS,
    )

    quantization: Quantization = _quantization(
        N_("Storage of the frozen matrices"), N_("What the encoder's matrices are held in."), "nf4", explains=SCHEMES
    )
    bnb_4bit_use_double_quant: bool = _quantization(
        N_("Double quantisation"),
        N_("Stores the scale of each block of 64 weights in 8 bits instead of 32: about 0.4 bits saved a weight."),
        True,
    )
    bnb_4bit_compute_dtype: ComputeDtype = _quantization(
        N_("Number type of the products"),
        N_("Weights are unpacked to this type for each matrix product."),
        "auto",
        explains=COMPUTE_DTYPES,
    )

    r: int = _lora(
        N_("Rank"),
        N_("Each adapted matrix W gets W + B A, where B and A are only r numbers wide: a larger r can learn more."),
        16,
        ge=1,
        le=256,
    )
    lora_alpha: float = _lora(
        N_("Scaling"),
        N_("The adapter's output is multiplied by lora_alpha / r: twice r is a common choice."),
        32,
        gt=0,
        le=1024,
    )
    lora_dropout: float = _lora(
        N_("Dropout"),
        N_("Share of the adapter's inputs that is dropped at random while it trains, against learning by heart."),
        0.0,
        ge=0,
        lt=1,
    )
    target_modules: tuple[LayerName, ...] = _lora(
        N_("Adapted layers"),
        N_("The linear layers that receive an adapter; the QLoRA paper found that all of them are needed."),
        BERT_LINEAR_LAYERS,
        min_length=1,
        max_length=16,
    )
    modules_to_save: tuple[ModuleToSave, ...] = _lora(
        N_("Layers trained in full"),
        N_("What is trained beside the adapter."),
        ("classifier", "pooler"),
        explains=MODULES_TO_SAVE,
    )
    use_rslora: bool = _lora(
        N_("Rank-stabilised scaling"),
        N_("Scales by lora_alpha / sqrt(r) instead, so that large ranks learn as fast as small ones."),
        False,
    )

    learning_rate: float = _training(
        N_("Learning rate"),
        N_("How far one step moves the weights, at its peak: too small learns nothing, too large forgets everything."),
        2e-4,
        gt=0,
        le=0.1,
    )
    num_train_epochs: int = _training(
        N_("Epochs"), N_("How often the model sees every training pair; the best epoch is kept."), 4, ge=1, le=100
    )
    train_batch_size: int = _training(
        N_("Batch size"),
        N_(
            "Pairs that are averaged into one step, over all processes together: more is steadier and takes "
            "more memory."
        ),
        16,
        ge=1,
        le=1024,
    )
    lr_scheduler_type: Scheduler = _training(
        N_("Schedule"), N_("How the learning rate falls after the warm-up."), "linear", explains=SCHEDULERS
    )
    warmup_ratio: float = _training(
        N_("Warm-up"),
        N_("Share of the steps over which the learning rate rises from zero, so that the first steps do no harm."),
        0.06,
        ge=0,
        lt=1,
    )
    weight_decay: float = _training(
        N_("Weight decay"),
        N_("Each step shrinks the trained weights by this share of the learning rate."),
        0.01,
        ge=0,
        le=1,
    )
    max_grad_norm: float = _training(
        N_("Gradient clipping"),
        N_("A step's gradient is shortened to this length where it is longer."),
        1.0,
        gt=0,
        le=1000,
    )
    label_smoothing_factor: float = _training(
        N_("Label smoothing"),
        N_("Share of each label that is spread over both, so that the model grows less sure of itself."),
        0.0,
        ge=0,
        lt=0.5,
    )
    hidden_dropout_prob: float = _training(
        N_("Dropout in the encoder"),
        N_("Share of the frozen encoder's outputs that is dropped at random while training."),
        0.0,
        ge=0,
        lt=1,
    )
    swap_probability: float = _training(
        N_("Swapped pairs"),
        N_("Chance that a training pair is shown with its two sentences in the other order."),
        0.5,
        ge=0,
        le=1,
    )
    easy_pairs_steps: int = _training(
        N_("Steps with easy pairs"),
        N_(
            "For so many first steps each batch has easy pairs beside it, at half weight: pairs that mean "
            "the same, and "
            "sentences that have nothing to do with each other. They teach the model to compare."
        ),
        0,
        ge=0,
        le=100_000,
    )
    evaluations_per_epoch: int = _training(
        N_("Evaluations an epoch"),
        N_("How often the validation pairs are answered in each epoch: more points on the curve, more time."),
        1,
        ge=1,
        le=20,
    )

    max_train_samples: int | None = _data(
        N_("Training pairs"),
        N_("Train on so many pairs, drawn at random; without a number, on all of them."),
        None,
        ge=8,
        le=1_000_000,
    )
    max_eval_samples: int | None = _data(
        N_("Validation pairs"),
        N_("Validate on so many pairs, drawn at random; without a number, on all of them."),
        None,
        ge=8,
        le=1_000_000,
    )
    max_length: int = _data(
        N_("Tokens a pair"), N_("A longer pair loses tokens from the end of its longer sentence."), 128, ge=8, le=512
    )
    eval_batch_size: int = _data(
        N_("Pairs evaluated at once"),
        N_("Pairs that are answered at once: changes time and memory, and no result."),
        64,
        ge=1,
        le=1024,
    )
    measure_baselines_again: bool = _data(
        N_("Baselines measured again"),
        N_("Measures the baselines even where an earlier run has measured the same ones: changes time, and no result."),
        False,
    )
    bootstrap_samples: int = _data(
        N_("Bootstrap resamples"),
        N_("How many times the validation pairs are drawn anew for each 95 % interval."),
        2000,
        ge=100,
        le=MAX_BOOTSTRAP_SAMPLES,
    )
    seed: int = _data(
        N_("Seed"),
        N_("Decides everything that is drawn at random: the same seed gives the same run."),
        0,
        ge=0,
        le=MAX_SEED,
    )

    @property
    def scheme(self) -> Scheme:
        """How the frozen encoder matrices are stored."""
        return SCHEMES[self.quantization]

    @model_validator(mode="after")
    def _check_fields_together(self) -> "RunConfig":
        if self.scheme.bits != 4 and self.bnb_4bit_compute_dtype == "float16":
            raise ValueError(
                N_("bnb_4bit_compute_dtype: float16 is for 4-bit weights; choose auto, float32 or bfloat16")
            )
        if len(set(self.target_modules)) != len(self.target_modules):
            raise ValueError(N_("target_modules: a layer is named twice"))
        if "classifier" not in self.modules_to_save:
            raise ValueError(N_("modules_to_save: the classifier is new and has to be trained; name it"))
        if self.init_classifier == "keep" and self.init_from is None:
            raise ValueError(
                N_("init_classifier: there is no classifier to keep; name a run in init_from, or choose fresh")
            )
        return self


SETTINGS = {setting.name: setting for setting in settings_of(RunConfig)}


def make_config(preset: str = DEFAULT_PRESET, **changes: object) -> RunConfig:
    """Build a configuration from a preset, as it is for the dataset, and the fields that differ from it.

    Raises:
        ConfigError: the preset or a field is unknown, or a value is of the wrong type or out of range.
    """
    if preset not in PRESETS:
        raise ConfigError(
            N_("There is no preset '{preset}'. Choose one of: {presets}."), preset=preset, presets=", ".join(PRESETS)
        )
    dataset = changes.get("dataset", RunConfig.model_fields["dataset"].default)
    return load_config({**PRESETS[preset].values_for(str(dataset)), **changes})


def load_config(values: Mapping[str, object]) -> RunConfig:
    """Check a mapping of field names to values, such as a run's ``config.json``.

    Raises:
        ConfigError: names every field that is wrong, and why.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(faults_in(error, SETTINGS)) from error
