"""Load a saved run with plain transformers and PEFT."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.errors import DAMAGE, ModelError, RunError, is_out_of_memory
from qlora_core.language import N_, Message
from qlora_core.models.adapter import load_adapter, trainable_state
from qlora_core.models.catalog import BASE_MODELS, hub_model
from qlora_core.models.checkpoint import load_newest
from qlora_core.models.device import Compute
from qlora_core.models.factory import ModelFactory
from qlora_core.store.run import Run


def models_of(run: Run, compute: Compute) -> ModelFactory:
    """The models of a saved run: its base model, as long as that is the one which its adapter belongs to.

    Raises:
        ModelError, HubError: it is not to be had on this machine, or its weights are others by now.
        RunError: the run's result cannot be read.
    """
    name, recorded = run.config.base_model, (run.result or {}).get("base_model")
    if name not in BASE_MODELS and not Path(name).expanduser().is_dir() and hub_model(name) is None:
        raise ModelError(
            N_("{belongs}, which is not on this machine. Put its folder where the run's config.json says."),
            belongs=_belongs(run, recorded),
        )
    models = ModelFactory.find(run.config, compute)
    if recorded is None:
        return models
    if models.base.sha256 != recorded["sha256"]:
        raise ModelError(
            N_("{belongs}, but the weights there are others by now. Put back those that it was trained on."),
            belongs=_belongs(run, recorded),
        )
    return models


def _belongs(run: Run, recorded: dict[str, Any] | None) -> Message:
    """Which base model a run needs, as the beginning of a sentence; ``recorded`` is what its result says of it."""
    if recorded is None:  # it is not finished
        return Message(N_("Run {run} needs {model}"), {"run": run.id, "model": Path(run.config.base_model).name})
    values = {"run": run.id, "model": recorded["id"], "sha256": recorded["sha256"]}
    return Message(N_("The adapter of run {run} belongs to {model} (SHA-256 {sha256})"), values)


def reload_finetuned(run: Run, models: ModelFactory) -> PeftModel:
    """The run's base model, quantised anew, with its saved adapter.

    Raises:
        ModelError: the base model's files are damaged.
        RunError: the adapter is missing or damaged.
    """
    model = models.quantized().model
    with explaining_adapter_damage(run):
        return load_adapter(model, run.adapter_dir).eval()


def reload_tokenizer(run: Run) -> PreTrainedTokenizerBase:
    """The tokenizer that was saved beside the run's adapter.

    Raises:
        RunError: it is missing or damaged.
    """
    with explaining_adapter_damage(run):
        return AutoTokenizer.from_pretrained(run.adapter_dir, local_files_only=True)


@contextmanager
def explaining_adapter_damage(run: Run) -> Iterator[None]:
    """While a run's adapter is loaded.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        yield
    except Exception as error:
        is_damage = isinstance(error, DAMAGE) or type(error) is Exception  # tokenizers raises that class itself
        if not is_damage or is_out_of_memory(error):
            raise
        raise RunError(
            N_("The adapter of run {run} is missing or damaged. Put its folder back, or train again."), run=run.id
        ) from error


def reload_checkpoint(run: Run, models: ModelFactory) -> tuple[PeftModel, int]:
    """The run's base model, quantised anew, with the newest weights of its checkpoint; and the step they are of.

    Raises:
        ModelError: the base model's files are damaged.
        RunError: there is no checkpoint, or it is damaged.
    """
    model = models.with_lora(models.quantized().model).eval()
    return model, load_newest(run.checkpoint_path, trainable_state(model))
