"""What this machine offers: device, number type, versions, models, data, and which quantisations really run."""

from typing import Any

from qlora_core.choices import SCHEMES
from qlora_core.config import RunConfig, make_config
from qlora_core.data.catalog import DATASETS
from qlora_core.data.sources import load_pairs
from qlora_core.errors import QLoRAError
from qlora_core.models.catalog import BASE_MODELS, find_base_model
from qlora_core.models.device import describe_environment, start_accelerator
from qlora_core.models.quantization import try_quantization


def examine() -> dict[str, Any]:
    """Look at everything a run may need; nothing is downloaded."""
    compute, accelerator = start_accelerator(RunConfig())
    return {
        "environment": describe_environment(compute, accelerator),
        "base_models": {name: _base_model(name) for name in BASE_MODELS},
        "datasets": {name: _dataset(name) for name in DATASETS},
        "quantization": {scheme: try_quantization(make_config(quantization=scheme), compute) for scheme in SCHEMES},
    }


def _base_model(name: str) -> str:
    try:
        return f"found: {find_base_model(name, download=False).source}"
    except QLoRAError as error:
        return f"not found: {error}"


def _dataset(name: str) -> str:
    try:
        pairs = load_pairs(name, download=False)
    except QLoRAError as error:
        return f"not found: {error}"
    return f"found: {len(pairs.train)} + {len(pairs.validation)} pairs, {pairs.source}"
