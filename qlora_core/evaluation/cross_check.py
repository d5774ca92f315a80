"""A run's final scores, computed a second time with Hugging Face's evaluate and scikit-learn.

Nothing else imports evaluate: it takes seconds of CPU, and the scores on the way need numpy alone.
"""

import tempfile
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from qlora_core.errors import RunFailure
from qlora_core.evaluation.metrics import METRICS, predicted_labels
from qlora_core.language import N_, Figure

#: Both ways divide the same whole numbers; what is allowed for is another order of operations.
TOLERANCE = 1e-9


def cross_check(scores: Mapping[str, Mapping[str, Any]], logits: Mapping[str, np.ndarray], labels: np.ndarray) -> None:
    """Compare every answerer's scores (``metrics`` of ``result.json``) with those of evaluate; needs no network.

    Args:
        scores: by answerer and metric.
        logits: of the same answerers, each of shape (n, 2).
        labels: shape (n,).

    Raises:
        RunFailure: a score differs.
    """
    with tempfile.TemporaryDirectory() as folder:  # evaluate makes a folder, under HOME unless told where
        metric = _reference_metric(folder)
        for name, answers in logits.items():
            expected = metric.compute(predictions=predicted_labels(answers), references=labels)
            for key, value in expected.items():
                if not abs(scores[name][key] - value) <= TOLERANCE:
                    raise RunFailure(
                        N_(
                            "The {metric} of '{answerer}' was computed in two ways that disagree: {here} here, {there} "
                            "with scikit-learn. This is a mistake in the program; the run's result is not to be "
                            "trusted and was not written."
                        ),
                        metric=key,
                        answerer=name,
                        here=Figure(scores[name][key], ".6f"),
                        there=Figure(value, ".6f"),
                    )


def _reference_metric(folder: str) -> Any:
    """An ``evaluate.Metric`` of this package's own, so that none is fetched from the hub."""
    import datasets
    import evaluate
    from sklearn import metrics

    class Reference(evaluate.Metric):
        def _info(self) -> evaluate.MetricInfo:
            label = datasets.Value("int64")
            return evaluate.MetricInfo(
                description="What GLUE (Wang et al. 2018) scores MRPC by, and more; 1 is the positive class.",
                citation="https://arxiv.org/abs/1804.07461",
                inputs_description="predictions and references: lists of 0 (not equivalent) and 1 (equivalent).",
                features=datasets.Features({"predictions": label, "references": label}),
            )

        def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # of scores that are then 0, as here
                return {
                    name: float(getattr(metrics, metric.scikit_learn)(references, predictions))
                    for name, metric in METRICS.items()
                    if metric.scikit_learn
                }

    return Reference(cache_dir=folder, keep_in_memory=True)
