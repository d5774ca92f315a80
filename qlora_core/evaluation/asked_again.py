"""A finished run asked again: measured on any labelled pairs, or answering pairs without labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from qlora_core.config import RunConfig
from qlora_core.data.catalog import DATASETS
from qlora_core.data.columns import Columns
from qlora_core.data.sources import load_file, load_pairs, load_run_pairs
from qlora_core.data.splits import fingerprint
from qlora_core.errors import ConfigError, RunError
from qlora_core.evaluation.answerers import ASKABLE
from qlora_core.evaluation.metrics import probabilities
from qlora_core.evaluation.predictor import Predictor
from qlora_core.evaluation.report import measure_all, phenomena
from qlora_core.language import N_
from qlora_core.models.inference import Progress
from qlora_core.store.run import Run


@dataclass(frozen=True)
class Measured:
    """Pairs that a run is measured on, and what a report says of where they come from."""

    pairs: Dataset
    dataset: dict[str, Any]  #: ``split`` is None for a file, which is measured whole


def evaluate_run(
    run: Run,
    dataset: str | None,
    data_dir: Path | None,
    split: str | None,
    progress: Progress | None = None,
    columns: Columns | None = None,
) -> dict[str, Any]:
    """Baselines and adapter of ``run`` on a file of pairs, or on a split of ``dataset`` (the run's own if None).

    Args:
        split: of a dataset that has splits; None is "validation".
        columns: of the file; without them, those of the run's own file, if they were named.

    Raises:
        RunError: the run has no adapter yet.
        ConfigError: a split of a file is asked for.
        DataError: the pairs cannot be read.
    """
    config = run.config
    measured = _measured(config, dataset, data_dir, split, columns)
    pairs = measured.pairs
    predictor = Predictor(run)
    logits: dict[str, np.ndarray] = _majority(run, len(pairs))
    tokenized = predictor.tokenized(pairs)
    logits |= {answerer: predictor.logits(tokenized, answerer, progress) for answerer in ASKABLE}
    labels = np.asarray(pairs["label"])
    counts = {str(label): int((labels == label).sum()) for label in (0, 1)}
    return {
        "run_id": run.id,
        "dataset": measured.dataset,
        "n": len(pairs),
        "truncated": int(tokenized.truncated.sum()),
        "labels": counts,
        **measure_all(logits, labels, config, phenomena(pairs)),
    }


def _majority(run: Run, n: int) -> dict[str, np.ndarray]:
    """The majority class of the run's training pairs as an answerer of ``n`` pairs; none where it is not on record."""
    try:
        ((share, *_),) = run.predictions(["probability_majority"])
    except RunError:
        return {}
    return {"majority": np.tile(np.log([1 - share, share]), (n, 1))}


def _measured(
    config: RunConfig, dataset: str | None, data_dir: Path | None, split: str | None, columns: Columns | None
) -> Measured:
    if dataset is not None and dataset not in DATASETS:
        if split is not None:
            raise ConfigError(
                N_("A file has no splits: it is measured whole. Leave out the split '{split}'."), split=split
            )
        named_before = Columns(*config.columns) if config.columns else None
        path, contents = load_file(dataset, columns or named_before)
        named = {"id": path.stem, "source": f"file {path.name}", "fingerprint": fingerprint(contents.pairs)}
        return Measured(contents.pairs, {**named, "split": None})
    if columns is not None:
        raise ConfigError(N_("Columns are named of a file of pairs only. Name the file as the dataset."))
    source = load_pairs(dataset, data_dir=data_dir, seed=config.seed) if dataset else load_run_pairs(config)
    pairs = source.train if split == "train" else source.validation
    named = {"id": source.id, "source": source.source, "fingerprint": source.fingerprint}
    return Measured(pairs, {**named, "split": split or "validation"})


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
