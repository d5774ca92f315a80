"""Everything that is reported of the answers of several models to the same pairs."""

from dataclasses import asdict
from typing import Any

import numpy as np

from qlora_core.config import RunConfig
from qlora_core.data.phenomena import told_apart
from qlora_core.evaluation.answerers import COMPARED, definite_label
from qlora_core.evaluation.calibration import calibration
from qlora_core.evaluation.comparison import compare, strongest_first
from qlora_core.evaluation.metrics import METRICS, predicted_labels
from qlora_core.evaluation.scores import measure


def measure_all(
    logits: dict[str, np.ndarray], labels: np.ndarray, config: RunConfig, phenomena: list[str] | None
) -> dict[str, Any]:
    """Scores, comparisons, calibration and, where the data has phenomena, accuracy by phenomenon.

    What does not exist where all labels are alike is None: F1, Matthews' correlation, calibration.

    Args:
        logits: by answerer, each of shape (n, 2); the fine-tuned one has to be there, and is compared with each
            baseline that is.
        labels: shape (n,).
        phenomena: of each pair.
    """
    sampling = {"bootstrap_samples": config.bootstrap_samples, "seed": config.seed}
    measured = {name: measure(answers, labels, **sampling).as_dict() for name, answers in logits.items()}
    report: dict[str, Any] = {
        "metrics": measured,
        "comparison": {
            name: compare(logits[name], logits["finetuned"], labels, **sampling).as_dict(definite_label(name))
            for name in COMPARED
            if name in logits
        },
        "strongest_baseline": next(iter(strongest_first(measured)), None),
        "calibration": {name: asdict(calibration(answers, labels)) for name, answers in logits.items()},
    }
    if len(set(labels.tolist())) < 2:
        _leave_out_what_needs_both_labels(report)
    if phenomena is not None:
        report["by_phenomenon"] = {name: by_phenomenon(answers, labels, phenomena) for name, answers in logits.items()}
    return report


def _leave_out_what_needs_both_labels(report: dict[str, Any]) -> None:
    missing = [metric for metric in METRICS.values() if metric.needs_both_labels]
    for scores in report["metrics"].values():
        scores.update({key: None for metric in missing for key in (metric.name, metric.interval)})
    for comparison in report["comparison"].values():
        comparison.update({f"{metric.name}_gain": None for metric in missing})
    report["calibration"] = dict.fromkeys(report["calibration"])


def by_phenomenon(logits: np.ndarray, labels: np.ndarray, phenomena: list[str]) -> dict[str, dict[str, float | int]]:
    """Accuracy and n of each phenomenon, by its name."""
    right = predicted_labels(logits) == labels
    names = np.asarray(phenomena)
    return {
        name: {"accuracy": float(right[names == name].mean()), "n": int((names == name).sum())}
        for name in sorted(set(phenomena))
    }


def phenomena(pairs: Any) -> list[str] | None:
    """The pairs' phenomenon column, if they have one; the rarest are taken together where there are many."""
    return told_apart(pairs["phenomenon"]) if "phenomenon" in pairs.column_names else None
