"""A training's state in one safetensors file: enough to go on exactly, replaced atomically, never unpickled."""

import errno
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from qlora_core.errors import RunError
from qlora_core.language import N_
from qlora_core.store.files import replace_file

TRAINED, BEST, FIRST_MOMENT, SECOND_MOMENT = "trained/", "best/", "exp_avg/", "exp_avg_sq/"
BEST_LOGITS = "best_logits"


@dataclass
class Progress:
    """How far a training has come."""

    step: int = 0  #: optimiser steps done
    examples: int = 0  #: pairs seen, repetitions counted
    train_seconds: float = 0.0  #: time spent in steps, before and after the run is resumed
    evaluation_seconds: float = 0.0  #: time the last evaluation took
    history: list[dict[str, float]] = field(default_factory=list)  #: one entry an evaluation
    best_state: dict[str, torch.Tensor] = field(default_factory=dict)  #: trained tensors at the best evaluation
    best_logits: np.ndarray | None = None  #: its answers, shape (n, 2); None in a checkpoint of an earlier version
    best_conditions: str = ""  #: under which they were given, see ``device.measuring_conditions``


def save_checkpoint(
    path: Path, progress: Progress, trained: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Write everything that training step ``progress.step + 1`` depends on.

    Raises:
        StorageError: the disk is full or refuses to be written to; an older checkpoint stays as it was.
    """
    tensors = {TRAINED + name: tensor for name, tensor in trained.items()}
    tensors |= {BEST + name: tensor for name, tensor in progress.best_state.items()}
    if progress.best_logits is not None:
        tensors[BEST_LOGITS] = torch.from_numpy(progress.best_logits)
    for name, parameter in trained.items():
        moments = optimizer.state[parameter]
        if moments:
            tensors |= {FIRST_MOMENT + name: moments["exp_avg"], SECOND_MOMENT + name: moments["exp_avg_sq"]}
    numbers = {name: value for name, value in vars(progress).items() if name not in ("best_state", "best_logits")}
    contents = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    replace_file(path, lambda temporary: _save(contents, temporary, {"progress": json.dumps(numbers)}))


def _save(contents: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    try:
        save_file(contents, path, metadata=metadata)
    except SafetensorError as error:  # its only cause here; it does not carry an errno
        raise OSError(errno.ENOSPC, str(error)) from error


def load_checkpoint(path: Path, trained: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer) -> Progress:
    """Put a checkpoint's tensors into the model and the optimiser; return how far it had come.

    Raises:
        RunError: the file is damaged or belongs to another set of trained tensors.
    """
    progress, tensors = _read(path, trained)
    progress.best_state = {name.removeprefix(BEST): t for name, t in tensors.items() if name.startswith(BEST)}
    if BEST_LOGITS in tensors:
        progress.best_logits = tensors[BEST_LOGITS].numpy()
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors[TRAINED + name])
            if FIRST_MOMENT + name in tensors:
                optimizer.state[parameter] = {
                    "step": torch.tensor(float(progress.step)),
                    "exp_avg": tensors[FIRST_MOMENT + name].to(parameter.device),
                    "exp_avg_sq": tensors[SECOND_MOMENT + name].to(parameter.device),
                }
    return progress


def load_newest(path: Path, trained: dict[str, torch.Tensor]) -> int:
    """Put the newest weights of a checkpoint, not the best ones, into the model; return the step they are of.

    Raises:
        RunError: the file is missing, damaged or belongs to another set of trained tensors.
    """
    progress, tensors = _read(path, trained)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors[TRAINED + name])
    return progress.step


def _read(path: Path, trained: dict[str, torch.Tensor]) -> tuple[Progress, dict[str, torch.Tensor]]:
    """Everything in a checkpoint, once it is clear that it fits ``trained``."""
    try:
        with safe_open(path, framework="pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            N_("The checkpoint of this run cannot be read. Start a new run with the same settings.")
        ) from error
    saved = {name: tensor.shape for name, tensor in tensors.items() if name.startswith(TRAINED)}
    if saved != {TRAINED + name: parameter.shape for name, parameter in trained.items()}:
        raise RunError(N_("The checkpoint belongs to other trained layers. Start a new run with the same settings."))
    return progress, tensors
