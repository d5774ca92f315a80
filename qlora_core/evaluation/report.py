"""Everything that is reported of the answers of several models to the same pairs."""

from dataclasses import asdict
from typing import Any

import numpy as np

from qlora_core.config import RunConfig
from qlora_core.evaluation import statistics as evaluation


def measure_all(
    logits: dict[str, np.ndarray], labels: np.ndarray, config: RunConfig, phenomena: list[str] | None
) -> dict[str, Any]:
    """Metrics, comparison, calibration and, where the data has phenomena, accuracy by phenomenon."""
    sampling = {"bootstrap_samples": config.bootstrap_samples, "seed": config.seed}
    report: dict[str, Any] = {
        "metrics": {
            name: evaluation.measure(answers, labels, **sampling).as_dict() for name, answers in logits.items()
        },
        "comparison": {
            name: asdict(
                evaluation.compare(
                    logits[name],
                    logits["finetuned"],
                    labels,
                    before_name=words,
                    after_name="fine-tuning",
                    **sampling,
                )
            )
            for name, words in (("untrained_head", "the untrained head"), ("linear_probe", "the linear probe"))
        },
        "calibration": {name: asdict(evaluation.calibration(answers, labels)) for name, answers in logits.items()},
    }
    if phenomena is not None:
        report["by_phenomenon"] = {
            name: evaluation.by_phenomenon(answers, labels, phenomena) for name, answers in logits.items()
        }
    return report


def phenomena(pairs: Any) -> list[str] | None:
    """The pairs' phenomenon column, if they have one."""
    return list(pairs["phenomenon"]) if "phenomenon" in pairs.column_names else None
