"""The classifiers of the baselines, kept beside the adapter so that their answers can be asked for again."""

from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from qlora_core.errors import RunError

UNTRAINED_HEAD = "untrained_head"
LINEAR_PROBE = "linear_probe"


def save_heads(model: PreTrainedModel, probe: dict[str, torch.Tensor], path: Path, *, pooler_is_new: bool) -> None:
    """Write the untrained head and the linear probe's head, so that both baselines can be reproduced."""
    tensors = {f"{UNTRAINED_HEAD}.{name}": tensor for name, tensor in model.classifier.state_dict().items()}
    tensors |= {f"{LINEAR_PROBE}.{name}": tensor for name, tensor in probe.items()}
    if pooler_is_new:
        tensors |= {f"pooler.{name}": tensor for name, tensor in model.bert.pooler.state_dict().items()}
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, path)


def read_heads(path: Path) -> dict[str, torch.Tensor]:
    """The heads that ``save_heads`` kept, by name.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path.parent.name}/{path.name}, the heads of the baselines, cannot be read.") from error


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
