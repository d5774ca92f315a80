"""Put a run's result together: every number of ``result.json``, from what the phases of the run returned."""

from dataclasses import asdict
from typing import Any

import numpy as np
from peft import PeftModel

from qlora_core.data.files import FileContents
from qlora_core.evaluation.best_epoch import BEST_EPOCH_RULE, SELECTION_NOTE
from qlora_core.evaluation.cross_check import cross_check
from qlora_core.evaluation.metrics import probabilities
from qlora_core.evaluation.report import measure_all, phenomena
from qlora_core.models.catalog import BaseModel
from qlora_core.models.device import peak_gpu_bytes, peak_rss_bytes
from qlora_core.models.footprint import float32_bytes, float32_footprint, footprint
from qlora_core.models.quantization import quantized_modules
from qlora_core.store.run import Run
from qlora_core.store.shared.baselines import Provenance
from qlora_core.training.loop.trainer import TrainingSummary
from qlora_core.training.setup import Setup
from qlora_core.training.start import Start

#: The reloaded model does the same arithmetic on the same tensors, so its logits should be equal to the last bit;
#: what is allowed for is another order of additions.
LOGIT_TOLERANCE = 1e-3


def build_result(
    run: Run,
    setup: Setup,
    model: PeftModel,
    summary: TrainingSummary,
    logits: dict[str, np.ndarray],
    missing: list[str],
    start: Start | None,
    provenance: Provenance,
) -> dict[str, Any]:
    """The run's ``result.json``.

    Args:
        model: the trained one.
        logits: every answerer's for the validation pairs, shape (n, 2).
        missing: tensors that were trained and are not among the saved ones.
        start: what the run started from; None from scratch.
        provenance: which run has measured the baselines, and when.
    """
    trainable, total = model.get_nb_trainable_parameters()
    return {
        "run_id": run.id,
        "base_model": _describe_base(setup.models.base, total - trainable),
        "dataset": _describe_dataset(setup),
        "config": run.config.model_dump(mode="json"),
        "started_from": start and start.model_dump(),
        "quantization": _describe_quantization(setup, model),
        "trainable_parameters": trainable,
        "total_parameters": total,
        **measurements(logits, setup),
        "baselines": asdict(provenance),
        "probe_pairs": provenance.probe_pairs or len(setup.probe),
        "reload": {
            **compare_reloaded(logits["finetuned"], logits["reloaded"], missing),
            "fresh_process": setup.loan is None,
        },
        "history": summary.history,
        "best_epoch": summary.best["epoch"],
        "best_epoch_rule": BEST_EPOCH_RULE,
        "selection_note": SELECTION_NOTE,
        "stopped_early": summary.stopped_early,
        "steps": summary.steps,
        "pairs_shown": summary.pairs_shown,
        "train_seconds": summary.train_seconds,
        "examples_per_second": summary.examples_per_second,
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_gpu_bytes": peak_gpu_bytes(setup.models.compute.device),
        "environment": setup.environment(),
    }


def measurements(logits: dict[str, np.ndarray], setup: Setup) -> dict[str, Any]:
    """Scores with intervals for every answerer, and the paired comparisons with the fine-tuned one.

    Raises:
        RunFailure: a second way to compute the scores disagrees.
    """
    labels = setup.validation.labels
    measured = measure_all(logits, labels, setup.config, phenomena(setup.data.validation))
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


def prediction_columns(setup: Setup, logits: dict[str, np.ndarray]) -> dict[str, Any]:
    """One row a validation pair: idx, label, and every answerer's probability of "paraphrase"."""
    columns: dict[str, Any] = {"idx": list(setup.data.validation["idx"]), "label": setup.validation.labels}
    for name, answers in logits.items():
        columns[f"probability_{name}"] = probabilities(answers)
    return columns


def train_sample(setup: Setup, logits: np.ndarray) -> dict[str, Any]:
    """The fine-tuned model's probabilities of "paraphrase" for some training pairs, and their labels."""
    return {
        "label": setup.train_sample.labels.tolist(),
        "probability_finetuned": probabilities(logits).tolist(),
    }


def _describe_base(base: BaseModel, parameters: int) -> dict[str, Any]:
    return {
        "id": base.id,
        "source": base.source,
        "hub_id": base.hub_id,
        "revision": base.revision,
        "sha256": base.sha256,
        "files": base.files,
        "parameters": parameters,
    }


def _describe_dataset(setup: Setup) -> dict[str, Any]:
    pairs, truncation = setup.data, setup.truncation
    return {
        "id": pairs.id,
        "source": pairs.source,
        "revision": pairs.revision,
        "fingerprint": pairs.fingerprint,
        "validation_fingerprint": pairs.validation_fingerprint,
        "train": len(pairs.train),
        "validation": len(pairs.validation),
        "shared": pairs.shared,
        "in_both": pairs.in_both,
        **describe_file(pairs.contents),
        "train_truncated": truncation["train_truncated"],
        "validation_truncated": truncation["validation_truncated"],
    }


def describe_file(contents: FileContents | None) -> dict[str, Any]:
    """How a user's file was understood."""
    if contents is None:
        return {}
    dialect = contents.dialect._asdict() if contents.dialect else {}
    return {"columns": list(contents.taken), "labels": list(contents.label_meaning), **dialect}


def _describe_quantization(setup: Setup, model: PeftModel) -> dict[str, Any]:
    config, groups = setup.config, footprint(model)
    return {
        "scheme": config.quantization,
        "double_quantization": config.scheme.bits == 4 and config.bnb_4bit_use_double_quant,
        "compute_dtype": setup.environment()["compute_dtype"],
        "quantized_modules": len(quantized_modules(model)),
        "bytes": groups,
        "bytes_total": sum(groups.values()),
        "bytes_float32": float32_bytes(setup.models.base.folder),
        "bytes_float32_by_group": float32_footprint(model),
    }
