"""What a run starts from: a finished run's adapter, copied into the new run's own folder when that is made.

So the run that is started from may be deleted at any time. Importing this module imports no torch.
"""

import hashlib
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from pydantic import BaseModel as Record
from pydantic import ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, RunError
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import Result, finetuned_values
from qlora_core.fields import file_name
from qlora_core.language import N_
from qlora_core.models.catalog import BASE_MODELS, BaseModel
from qlora_core.store.files import open_file, read_json, replace_file, replace_json
from qlora_core.store.run import Run
from qlora_core.store.runs import Fill, RunStore

WEIGHTS, RECORD = "adapter_model.safetensors", "start.json"
DAMAGED_ADAPTER = N_("The adapter of run {run} is missing or damaged. Start from another run.")
DAMAGED_START = N_("What run {run} starts from is damaged. Start a new run with the same settings.")
#: Settings that decide which tensors an adapter has, and their shapes.
SHAPE = ("r", "target_modules", "modules_to_save")
#: Settings that a run takes over from the one it starts from: without them that adapter would not fit, or be scaled.
ADOPTED = (*SHAPE, "lora_alpha", "use_rslora")


class Start(Record):
    """What is known of the run that another one starts from, as it was when that was made."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    dataset: str  #: what that run learned from
    validation: int  #: pairs that its scores were measured on
    metrics: dict[str, float | None]  #: of its fine-tuned model, those of ``METRICS`` that have an interval
    base_model: str
    base_model_sha256: str
    sha256: str  #: of its adapter's weights
    scaling: float  #: what its LoRA matrices' product is multiplied by


def find_run(run_id: str, store: RunStore) -> Run:
    """A run of a store, or one that came with the program.

    Raises:
        RunError: there is none of that name.
    """
    try:
        return store.open(run_id)
    except RunError:
        with suppress(RunError):
            return RunStore(RECORDED_RUNS).open(run_id)
        raise


def adopted_settings(source: Run) -> dict[str, object]:
    """The settings ``ADOPTED`` as a run's adapter has them."""
    return {name: getattr(source.config, name) for name in ADOPTED}


def prepare_start(config: RunConfig, find: Callable[[str], Run]) -> Fill | None:
    """What puts a run's start into its folder, as ``RunStore.create`` takes it; None for a run from scratch.

    Args:
        find: opens a run by its id.

    Raises:
        RunError: there is no run of that name, or it has not finished.
        ConfigError: its adapter does not fit this run.
    """
    if config.init_from is None:
        return None
    source = find(config.init_from)
    check_fit(config, source)
    return partial(_copy_start, source)


def check_fit(config: RunConfig, source: Run) -> None:
    """Refuse to start from a run of another base model, or whose adapter has other tensors than this one's.

    Of folders, the names say little: what is in them is compared by ``read_start`` when the run begins.

    Raises:
        RunError: ``source`` has no saved adapter, or no result.
        ConfigError: it does not fit.
    """
    if not source.has_result or not source.has_adapter:
        raise RunError(
            N_("Run {run} is {state} and cannot be started from. Choose a finished run."),
            run=source.id,
            state=source.status.in_words,
        )
    theirs, ours = source.config.base_model, config.base_model
    if theirs != ours and BASE_MODELS.keys() & {theirs, ours}:
        raise ConfigError(
            N_(
                "init_from: run {run} adapted the base model {theirs}, and this run asks for {ours}. Choose the same "
                "base model, or another run."
            ),
            run=source.id,
            theirs=file_name(theirs),
            ours=file_name(ours),
        )
    differing = [name for name in SHAPE if _value(source.config, name) != _value(config, name)]
    if differing:
        raise ConfigError(
            N_(
                "init_from: the adapter of run {run} has {theirs}, and this run asks for {ours}. Choose the same, or "
                "another run."
            ),
            run=source.id,
            theirs=_shape_words(source.config, differing),
            ours=_shape_words(config, differing),
        )


def _value(config: RunConfig, name: str) -> object:
    """A setting's value; of names, the order does not matter."""
    value = getattr(config, name)
    return frozenset(value) if isinstance(value, tuple) else value


def _shape_words(config: RunConfig, names: list[str]) -> str:
    values = {name: getattr(config, name) for name in names}
    return ", ".join(
        f"{name} {','.join(value) if isinstance(value, tuple) else value}" for name, value in values.items()
    )


def _copy_start(source: Run, run: Run) -> None:
    """Copy the adapter's weights, and write down whose they are.

    Raises:
        RunError: the run that is started from is damaged, or was deleted meanwhile.
        StorageError: the disk is full or refuses to be written to.
    """
    result, copy = source.require_result(), run.start_dir / WEIGHTS
    try:
        weights = open_file(source.adapter_dir / WEIGHTS)
    except OSError as error:
        raise RunError(DAMAGED_ADAPTER, run=source.id) from error
    with weights:
        replace_file(copy, lambda temporary: temporary.write_bytes(weights.read()))
    try:
        with safe_open(copy, framework="numpy"):  # its list of tensors is read and checked
            pass
    except (OSError, SafetensorError) as error:
        raise RunError(DAMAGED_ADAPTER, run=source.id) from error
    with source.explaining_damage():
        values = finetuned_values(result)
        start = Start(
            run_id=source.id,
            dataset=result["dataset"]["id"],
            validation=result["metrics"]["finetuned"]["n"],
            metrics={name: values[name] for name, metric in METRICS.items() if metric.has_interval},
            base_model=result["base_model"]["id"],
            base_model_sha256=result["base_model"]["sha256"],
            sha256=digest_of(copy),
            scaling=lora_scaling(source.config),
        )
    replace_json(run.start_dir / RECORD, start.model_dump())


def read_start(run: Run, base: BaseModel) -> Start | None:
    """What a run starts from, once it is clear that it is whole and belongs to ``base``; None for one from scratch.

    Raises:
        RunError: the run's copy is missing or damaged.
        ConfigError: it was trained on another base model.
    """
    if run.config.init_from is None:
        return None
    try:
        start = Start.model_validate(read_json(run.start_dir / RECORD))
        whole = digest_of(run.start_dir / WEIGHTS) == start.sha256
    except (RunError, OSError, ValidationError) as error:
        raise RunError(DAMAGED_START, run=run.id) from error
    if not whole:
        raise RunError(DAMAGED_START, run=run.id)
    if start.base_model_sha256 != base.sha256:
        raise ConfigError(
            N_(
                "init_from: run {run} adapted the base model {theirs} with other weights (SHA-256 {their_digest}) than "
                "those of {ours} here ({our_digest}). Choose another run."
            ),
            run=start.run_id,
            theirs=start.base_model,
            their_digest=start.base_model_sha256[:12],
            ours=base.id,
            our_digest=base.sha256[:12],
        )
    return start


def started_words(result: Result) -> str:
    """What a run was started from, in a sentence; "" for one from scratch, and for runs of earlier versions.

    Raises:
        LookupError, TypeError, ValueError: the result is damaged.
    """
    if result.get("started_from") is None:
        return ""
    start = Start.model_validate(result["started_from"])
    classifier = "its classifier" if result["config"]["init_classifier"] == "keep" else "a fresh classifier"
    return (
        f"Started from run {start.run_id} ({start.dataset}, accuracy {shown(start.metrics.get('accuracy'))} on "
        f"{start.validation} pairs), with {classifier}."
    )


def digest_of(path: Path) -> str:
    """A file's SHA-256.

    Raises:
        OSError: it cannot be read.
    """
    with open_file(path) as file:
        return hashlib.sha256(file.read()).hexdigest()


def lora_scaling(config: RunConfig) -> float:
    """What PEFT multiplies the product of a layer's LoRA matrices by."""
    return config.lora_alpha / (math.sqrt(config.r) if config.use_rslora else config.r)
