"""A finished run asked again: measured on any labelled pairs, or answering pairs without labels."""

from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from qlora_core.data.sources import load_pairs, load_run_pairs
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import ASKABLE
from qlora_core.evaluation.metrics import probabilities
from qlora_core.evaluation.predictor import Predictor
from qlora_core.evaluation.report import measure_all, phenomena
from qlora_core.models.inference import Progress
from qlora_core.store.run import Run


def evaluate_run(
    run: Run, dataset: str | None, data_dir: Path | None, split: str, progress: Progress | None = None
) -> dict[str, Any]:
    """Baselines and adapter of ``run`` on a split of ``dataset`` (the run's own if None).

    Raises:
        RunError: the run has no adapter yet.
        DataError: the pairs cannot be read.
    """
    config = run.config
    source = load_pairs(dataset, data_dir=data_dir, seed=config.seed) if dataset else load_run_pairs(config)
    pairs = source.train if split == "train" else source.validation
    predictor = Predictor(run)
    logits: dict[str, np.ndarray] = _majority(run, len(pairs))
    tokenized = predictor.tokenized(pairs)
    logits |= {answerer: predictor.logits(tokenized, answerer, progress) for answerer in ASKABLE}
    labels = np.asarray(pairs["label"])
    return {
        "run_id": run.id,
        "dataset": {"id": source.id, "source": source.source, "fingerprint": source.fingerprint, "split": split},
        "n": len(pairs),
        "truncated": int(tokenized.truncated.sum()),
        **measure_all(logits, labels, config, phenomena(pairs)),
    }


def _majority(run: Run, n: int) -> dict[str, np.ndarray]:
    """The majority class of the run's training pairs as an answerer of ``n`` pairs; none where it is not on record."""
    try:
        ((share, *_),) = run.predictions(["probability_majority"])
    except RunError:
        return {}
    return {"majority": np.tile(np.log([1 - share, share]), (n, 1))}


def predict_pairs(run: Run, pairs: Dataset, progress: Progress | None = None) -> dict[str, Any]:
    """Every answerer's probability and label for each pair of sentences, and whether the pair was read to its end.

    Raises:
        RunError: the run has no adapter yet.
    """
    predictor = Predictor(run)
    tokenized = predictor.tokenized(pairs)
    answers = {answerer: probabilities(predictor.logits(tokenized, answerer, progress)) for answerer in ASKABLE}
    rows = []
    for index, pair in enumerate(pairs):
        row = {"sentence1": pair["sentence1"], "sentence2": pair["sentence2"]}
        row["truncated"] = bool(tokenized.truncated[index])
        row |= {name: {"probability": float(p[index]), "label": int(p[index] > 0.5)} for name, p in answers.items()}
        rows.append(row)
    return {"run_id": run.id, "pairs": rows}
