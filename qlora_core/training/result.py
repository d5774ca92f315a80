"""Put a run's result together: every number of ``result.json``, from what the phases of the run returned."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from accelerate import Accelerator
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from qlora_core.config import RunConfig
from qlora_core.data.batching import TokenizedPairs
from qlora_core.data.sources import PairData
from qlora_core.evaluation.best_epoch import BEST_EPOCH_RULE
from qlora_core.evaluation.cross_check import cross_check
from qlora_core.evaluation.metrics import probabilities
from qlora_core.evaluation.report import measure_all, phenomena
from qlora_core.models.catalog import BaseModel
from qlora_core.models.device import Compute, peak_gpu_bytes, peak_rss_bytes
from qlora_core.models.footprint import float32_bytes, float32_footprint
from qlora_core.store.runs import Run
from qlora_core.training.trainer import TrainingSummary

#: The reloaded model does the same arithmetic on the same tensors, so its logits should be equal to the last bit;
#: what is allowed for is another order of additions.
LOGIT_TOLERANCE = 1e-3
SELECTION_NOTE = (
    "The best epoch was chosen on the same validation pairs that the figures are measured on, which flatters them "
    "a little; docs/recipes.md says by how much."
)


@dataclass(frozen=True)
class Material:
    """What a run works with."""

    base: BaseModel
    pairs: PairData
    tokenizer: PreTrainedTokenizerBase
    train: TokenizedPairs
    validation: TokenizedPairs
    compute: Compute
    accelerator: Accelerator
    environment: dict[str, Any]


@dataclass(frozen=True)
class Weights:
    """The tensors of base model and adapter."""

    quantized_modules: list[str]
    bytes: dict[str, int]  #: by group, see ``models.footprint``
    trainable: int  #: parameters
    total: int  #: parameters, quantised ones counted as what they stand for


@dataclass(frozen=True)
class Finetuned:
    """What training left behind."""

    model: PeftModel
    weights: Weights
    summary: TrainingSummary
    logits: np.ndarray  #: of the best epoch on validation, shape (n, 2)


def build_result(
    run: Run, material: Material, finetuned: Finetuned, logits: dict[str, np.ndarray], missing: list[str]
) -> dict[str, Any]:
    """The run's ``result.json``; ``logits`` maps every answerer's name to its validation logits, shape (n, 2)."""
    summary, config = finetuned.summary, run.config
    return {
        "run_id": run.id,
        "base_model": _describe_base(material, finetuned.weights),
        "dataset": _describe_dataset(material.pairs),
        "config": config.model_dump(mode="json"),
        "quantization": _describe_quantization(config, material, finetuned),
        "trainable_parameters": finetuned.weights.trainable,
        "total_parameters": finetuned.weights.total,
        **measurements(logits, material, config),
        "reload": compare_reloaded(finetuned.logits, logits["reloaded"], missing),
        "history": summary.history,
        "best_epoch": summary.best["epoch"],
        "best_epoch_rule": BEST_EPOCH_RULE,
        "selection_note": SELECTION_NOTE,
        "stopped_early": summary.stopped_early,
        "steps": summary.steps,
        "train_seconds": summary.train_seconds,
        "examples_per_second": summary.examples_per_second,
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_gpu_bytes": peak_gpu_bytes(material.compute.device),
        "environment": material.environment,
    }


def measurements(logits: dict[str, np.ndarray], material: Material, config: RunConfig) -> dict[str, Any]:
    """Scores with intervals for every answerer, and the paired comparisons with the fine-tuned one.

    Raises:
        RunFailure: a second way to compute the scores disagrees.
    """
    labels = material.validation.labels
    measured = measure_all(logits, labels, config, phenomena(material.pairs.validation))
    cross_check(measured["metrics"], logits, labels)
    return measured


def compare_reloaded(trained: np.ndarray, reloaded: np.ndarray, missing: list[str]) -> dict[str, Any]:
    """Whether the saved adapter, reloaded, answers as the trained model did; both arrays have shape (n, 2)."""
    difference = float(np.abs(trained.astype(np.float64) - reloaded).max())
    return {
        "verified": difference <= LOGIT_TOLERANCE and not missing,
        "max_abs_logit_difference": difference,
        "tolerance": LOGIT_TOLERANCE,
        "missing_tensors": missing,
    }


def prediction_columns(material: Material, logits: dict[str, np.ndarray]) -> dict[str, Any]:
    """One row a validation pair: idx, label, and every answerer's probability of "paraphrase"."""
    columns: dict[str, Any] = {"idx": list(material.pairs.validation["idx"]), "label": material.validation.labels}
    for name, answers in logits.items():
        columns[f"probability_{name}"] = probabilities(answers)
    return columns


def _describe_base(material: Material, weights: Weights) -> dict[str, Any]:
    base = material.base
    return {
        "id": base.id,
        "source": base.source,
        "hub_id": base.hub_id,
        "revision": base.revision,
        "sha256": base.sha256,
        "parameters": weights.total - weights.trainable,
    }


def _describe_dataset(pairs: PairData) -> dict[str, Any]:
    return {
        "id": pairs.id,
        "source": pairs.source,
        "fingerprint": pairs.fingerprint,
        "train": len(pairs.train),
        "validation": len(pairs.validation),
    }


def _describe_quantization(config: RunConfig, material: Material, finetuned: Finetuned) -> dict[str, Any]:
    weights = finetuned.weights
    return {
        "scheme": config.quantization,
        "double_quantization": config.scheme.bits == 4 and config.bnb_4bit_use_double_quant,
        "compute_dtype": material.environment["compute_dtype"],
        "quantized_modules": len(weights.quantized_modules),
        "bytes": weights.bytes,
        "bytes_total": sum(weights.bytes.values()),
        "bytes_float32": float32_bytes(material.base.folder),
        "bytes_float32_by_group": float32_footprint(finetuned.model),
    }
