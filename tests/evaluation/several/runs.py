"""Runs on record without a training: their settings, their answers, and the scores that these come to."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qlora_core.config import RunConfig, make_config
from qlora_core.evaluation.metrics import majority_logits
from qlora_core.evaluation.report import measure_all
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

N = 120
LABELS = np.arange(N) % 2


def logits_of(wrong: Sequence[int], labels: np.ndarray) -> np.ndarray:
    """Answers that are right but for the pairs in these rows."""
    answers = labels.copy()
    answers[list(wrong)] = 1 - answers[list(wrong)]
    return np.where(np.eye(2)[answers] == 1, 2.0, 0.0)


def add_run(
    store: RunStore,
    wrong: Sequence[int],
    *,
    probe_wrong: Sequence[int] = range(40),
    labels: np.ndarray = LABELS,
    fingerprint: str = "all",
    validation_fingerprint: str | None = "validation",
    state: Any = "finished",
    **changes: Any,
) -> Run:
    """A run in the store that answers the pairs in the rows ``wrong`` wrong."""
    config: RunConfig = make_config(**({"bootstrap_samples": 100} | changes))
    run = store.create(config, "mine")
    logits = {
        "majority": majority_logits(labels, len(labels)),
        "linear_probe": logits_of(probe_wrong, labels),
        "finetuned": logits_of(wrong, labels),
    }
    columns = {name: 1 / (1 + np.exp(answers[:, 0] - answers[:, 1])) for name, answers in logits.items()}
    run.write_predictions(
        {"idx": list(range(len(labels))), "label": labels, **{f"probability_{name}": p for name, p in columns.items()}}
    )
    dataset = {"id": "pairs", "fingerprint": fingerprint, "validation": len(labels), "train": 4 * len(labels)}
    if validation_fingerprint:
        dataset["validation_fingerprint"] = validation_fingerprint
    result = {
        "run_id": run.id,
        "dataset": dataset,
        "config": config.model_dump(mode="json"),
        "history": [
            {
                "step": 10 * epoch,
                "epoch": float(epoch),
                "accuracy": 0.5 + epoch / 10,
                "f1": 0.6,
                "loss": 0.7 - epoch / 10,
            }
            for epoch in (1, 2)
        ],
        "best_epoch": 2.0,
        **measure_all(logits, labels, config, None),
    }
    run.finish(result, state=state, message="Done")
    return run
