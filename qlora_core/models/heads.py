"""The baselines' classifiers and answers, kept beside the adapter: to be asked again, and for runs with the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from qlora_core.errors import RunError
from qlora_core.language import N_
from qlora_core.store.files import replace_file
from qlora_core.store.shared.baselines import Provenance

UNTRAINED_HEAD = "untrained_head"
LINEAR_PROBE = "linear_probe"
LOGITS = "logits/"  #: before an answerer's name


@dataclass(frozen=True)
class Baselines:
    """What was measured of a base model before anything is trained."""

    key: str  #: a digest of all that it depends on
    provenance: Provenance
    heads: dict[str, torch.Tensor]  #: see ``heads_of``
    logits: Mapping[str, np.ndarray]  #: by answerer, each of shape (n, 2)


def save_baselines(baselines: Baselines, path: Path) -> None:
    """Write heads, answers and where they come from.

    Raises:
        StorageError: the disk is full or refuses to be written to.
    """
    tensors = baselines.heads | {LOGITS + name: torch.from_numpy(rows) for name, rows in baselines.logits.items()}
    metadata = {"key": baselines.key, **baselines.provenance.as_metadata()}
    replace_file(path, lambda temporary: save_file(tensors, temporary, metadata))


def read_baselines(path: Path, key: str, answerers: Sequence[str], n: int) -> Baselines | None:
    """What ``save_baselines`` wrote of these answerers for ``n`` pairs.

    Returns:
        None where there is no such file, it is damaged or not whole, or of an earlier version, or depends on something
        else.
    """
    found = _read(path, key, n)
    heads = {f"{head}.{part}" for head in (UNTRAINED_HEAD, LINEAR_PROBE) for part in ("weight", "bias")}
    if found is None or not heads <= found.heads.keys() or not set(answerers) <= found.logits.keys():
        return None
    return Baselines(key, found.provenance, found.heads, {name: found.logits[name] for name in answerers})


def read_answers(path: Path, key: str, n: int) -> Mapping[str, np.ndarray]:
    """What a run that was broken off had measured by then, of ``n`` pairs: by answerer, each of shape (n, 2)."""
    found = _read(path, key, n)
    return {} if found is None else found.logits


def _read(path: Path, key: str, n: int) -> Baselines | None:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        provenance = Provenance.read(metadata)
        logits = {name.removeprefix(LOGITS): tensors.pop(name).numpy() for name in list(tensors) if LOGITS in name}
    except (SafetensorError, OSError, LookupError, ValueError, OverflowError, TypeError):
        return None
    are_right = all(rows.shape == (n, 2) and np.isfinite(rows).all() for rows in logits.values())
    return Baselines(key, provenance, tensors, logits) if metadata.get("key") == key and are_right else None


def heads_of(model: PreTrainedModel, probe: dict[str, torch.Tensor], *, pooler_is_new: bool) -> dict[str, torch.Tensor]:
    """The untrained head and the linear probe's head, by which both baselines can be asked again."""
    tensors = {f"{UNTRAINED_HEAD}.{name}": tensor for name, tensor in model.classifier.state_dict().items()}
    tensors |= {f"{LINEAR_PROBE}.{name}": tensor for name, tensor in probe.items()}
    if pooler_is_new:
        tensors |= {f"pooler.{name}": tensor for name, tensor in model.bert.pooler.state_dict().items()}
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def read_heads(path: Path) -> dict[str, torch.Tensor]:
    """The heads that ``save_baselines`` kept, by name.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        return {name: tensor for name, tensor in load_file(path).items() if not name.startswith(LOGITS)}
    except (OSError, SafetensorError) as error:
        raise RunError(
            N_("{file}, the heads of the baselines, cannot be read."), file=f"{path.parent.name}/{path.name}"
        ) from error


def load_head(model: PeftModel, heads: dict[str, torch.Tensor], which: str) -> None:
    """Put a kept head under the adapter: the one that answers while the adapter is disabled."""
    original = model.base_model.model.classifier.original_module
    original.load_state_dict(
        {name.removeprefix(f"{which}."): t for name, t in heads.items() if name.startswith(f"{which}.")}
    )
    pooler = {name.removeprefix("pooler."): t for name, t in heads.items() if name.startswith("pooler.")}
    if pooler:
        wrapped = model.base_model.model.bert.pooler
        getattr(wrapped, "original_module", wrapped).load_state_dict(pooler)
