"""Bytes of a model's tensors, by group."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import torch
from safetensors import safe_open
from torch import nn

from qlora_core.models.base.folder import weight_files
from qlora_core.models.quantization import quantized_modules

#: A checkpoint may hold more: heads it was pretrained with, which are not loaded.
ENCODER_PARTS = ("embeddings.", "encoder.", "pooler.")


def footprint(model: nn.Module) -> dict[str, int]:
    """Bytes of a model's tensors by group; shared tensors are counted once.

    Groups: embeddings, encoder (quantised or not), quantization_constants, encoder_other (biases and LayerNorms),
    head (pooler and classifier), adapter (LoRA and trained copies).
    """
    groups: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        groups[_group(name)] += parameter.nbytes
    layers = [model.get_submodule(name) for name in quantized_modules(model)]
    constants = {tensor.data_ptr(): tensor.nbytes for layer in layers for tensor in _constants(layer)}
    groups["quantization_constants"] = sum(constants.values())
    return {group: size for group, size in sorted(groups.items()) if size}


def float32_footprint(model: nn.Module) -> dict[str, int]:
    """Bytes that a model's parameters would take in float32, by the groups of ``footprint``.

    A 4-bit weight is packed, two numbers a byte; its ``quant_state`` knows the shape that it stands for.
    """
    groups: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        state = getattr(parameter, "quant_state", None)
        groups[_group(name)] += 4 * (parameter.numel() if state is None else math.prod(state.shape))
    return dict(sorted(groups.items()))


def is_frozen(name: str) -> bool:
    """Whether a parameter of this name belongs to what no training changes: embeddings and encoder."""
    return _group(name) not in ("adapter", "head")


def _group(name: str) -> str:
    if "lora_" in name or "modules_to_save" in name:
        return "adapter"
    if "embeddings" in name:
        return "embeddings"
    if "classifier" in name or "pooler" in name:
        return "head"
    if name.endswith("bias") or "LayerNorm" in name:
        return "encoder_other"
    return "encoder"


def _constants(layer: Any) -> Iterator[torch.Tensor]:
    """The scales and code tables that bitsandbytes keeps beside a quantised weight."""
    if isinstance(layer, bnb.nn.Linear8bitLt):  # they move from the weight to the layer at its first forward pass
        yield layer.weight.SCB if layer.weight.SCB is not None else layer.state.SCB
        return
    state = layer.weight.quant_state
    yield from (state.absmax, state.code)
    if state.nested:
        yield from (state.state2.absmax, state.state2.code, state.offset)


def float32_bytes(folder: Path) -> int:
    """Bytes of the encoder's parameters in float32, from the shapes in its safetensors headers."""
    return 4 * sum(math.prod(shape) for file in weight_files(folder) for shape in _encoder_shapes(file))


def _encoder_shapes(file: Path) -> list[list[int]]:
    with safe_open(file, framework="numpy") as tensors:
        return [
            tensors.get_slice(name).get_shape()
            for name in tensors.keys()  # noqa: SIM118
            if name.removeprefix("bert.").startswith(ENCODER_PARTS) and not name.endswith("position_ids")
        ]
