"""The size of an adapter before it is made: what training changes, and what its file will weigh. Imports no torch."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qlora_core.config import RunConfig
from qlora_core.models.base.folder import read_sizes
from qlora_core.models.limits import check_max_length, check_target_modules, is_target

NUM_LABELS = 2
FLOAT32_BYTES = 4
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class ParameterCounts:
    """Numbers of a model with an adapter, as PEFT's ``get_nb_trainable_parameters`` counts them."""

    trainable: int
    total: int  #: with the base model's own pooler and classifier beside their trained copies
    adapter_bytes: int  #: of adapter_model.safetensors


def parameter_counts(config: RunConfig, model_folder: Path) -> ParameterCounts:
    """Count what training changes and what the adapter's file will weigh, from the base model's config.json alone.

    LoRA adds r * (inputs + outputs) numbers to a layer (Hu et al. 2021, arXiv:2106.09685); a layer in
    ``modules_to_save`` is trained as a full copy.

    Raises:
        ModelError: config.json is missing, or its sizes are no positive whole numbers.
        ConfigError: a name in ``target_modules`` fits no layer of this model, or ``max_length`` is more than it reads.
    """
    sizes = read_sizes(model_folder)
    check_max_length(config.max_length, sizes["max_position_embeddings"])
    layers = _linear_layers(sizes)
    saved = _saved_shapes(config, sizes, layers)
    trainable = sum(math.prod(shape) for shape in saved.values())
    return ParameterCounts(trainable, _base_parameters(sizes, layers) + trainable, _safetensors_bytes(saved))


def _linear_layers(sizes: dict[str, int]) -> Shapes:
    """Every linear layer of a BERT that classifies pairs, by its path, as (outputs, inputs)."""
    hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
    block = {
        "attention.self.query": (hidden, hidden),
        "attention.self.key": (hidden, hidden),
        "attention.self.value": (hidden, hidden),
        "attention.output.dense": (hidden, hidden),
        "intermediate.dense": (inner, hidden),
        "output.dense": (hidden, inner),
    }
    layers: Shapes = {
        f"bert.encoder.layer.{number}.{name}": shape
        for number in range(sizes["num_hidden_layers"])
        for name, shape in block.items()
    }
    return layers | {"bert.pooler.dense": (hidden, hidden), "classifier": (NUM_LABELS, hidden)}


def _saved_shapes(config: RunConfig, sizes: dict[str, int], layers: Shapes) -> Shapes:
    """The tensors that training changes, under the names that PEFT saves them with."""
    check_target_modules(
        config.target_modules,
        [name.removeprefix("bert.encoder.") for name in layers if name.startswith("bert.encoder.")],
    )
    copied = ["classifier", *(["bert.pooler.dense"] if "pooler" in config.modules_to_save else [])]
    shapes: Shapes = {}
    if "token_type_embeddings" in config.modules_to_save:
        shapes["bert.embeddings.token_type_embeddings.weight"] = (sizes["type_vocab_size"], sizes["hidden_size"])
    for name, (outputs, inputs) in layers.items():
        if name in copied:
            shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
        elif is_target(name, config.target_modules):
            shapes |= {f"{name}.lora_A.weight": (config.r, inputs), f"{name}.lora_B.weight": (outputs, config.r)}
    return {f"base_model.model.{name}": shape for name, shape in shapes.items()}


def _base_parameters(sizes: dict[str, int], layers: Shapes) -> int:
    hidden = sizes["hidden_size"]
    rows = sizes["vocab_size"] + sizes["max_position_embeddings"] + sizes["type_vocab_size"]
    layer_norms = 1 + 2 * sizes["num_hidden_layers"]
    linear = sum(outputs * inputs + outputs for outputs, inputs in layers.values())
    return rows * hidden + layer_norms * 2 * hidden + linear


def _safetensors_bytes(shapes: Shapes) -> int:
    """Size of a safetensors file of float32 tensors: 8 bytes, a JSON header filled up to a multiple of 8, the data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in sorted(shapes.items()):
        start, end = end, end + FLOAT32_BYTES * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (start, end)}
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-length // 8) * 8 + end
