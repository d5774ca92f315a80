"""The pairs of a run: bundled, MRPC, or a user's file; checked, split and fingerprinted."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from datasets import Dataset

from qlora_core.choices import either
from qlora_core.config import RunConfig
from qlora_core.data.bundles import shared_sentence_bundles
from qlora_core.data.catalog import DATASETS, PAIRS_FOLDER, CatalogDataset
from qlora_core.data.files import read_pairs_file
from qlora_core.data.splits import SPLIT_PARTS, fingerprint, limit_pairs, split_pairs
from qlora_core.errors import DataError
from qlora_core.hub import fetch
from qlora_core.settings import DATA_DIR_VARIABLE, read_settings

MIN_PAIRS = 20


@dataclass(frozen=True)
class PairData:
    """Pairs for training and validation; columns idx, sentence1, sentence2, label and, if known, phenomenon."""

    id: str
    source: str  #: where the pairs came from, in words
    train: Dataset
    validation: Dataset
    revision: str | None = None  #: the hub's commit, where the pairs came from the hub

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every sentence and label, in order."""
        return fingerprint(self.train, self.validation)


def load_pairs(
    dataset: str,
    *,
    data_dir: Path | None = None,
    seed: int = 0,
    max_train_samples: int | None = None,
    max_eval_samples: int | None = None,
    download: bool = True,
) -> PairData:
    """Load a dataset of ``catalog.DATASETS``, or a user's file.

    Args:
        data_dir: folder with MRPC's parquet files; without it, the one that QLORA_DATA_DIR names.
        seed: decides which part of a user's file is validation, and which pairs a limited training split keeps.
        download: False looks only at what is on this machine already.

    Raises:
        DataError: the pairs are missing, malformed or too few.
        HubError: MRPC is in no folder and the hub cannot be reached.
    """
    entry = DATASETS.get(dataset)
    if entry is None:
        data = _load_file(dataset, seed)
    elif entry.hub_id:
        data = _load_glue(entry, data_dir, download)
    else:
        data = _load_bundled(entry)
    train = limit_pairs(data.train, max_train_samples, seed)
    validation = limit_pairs(data.validation, max_eval_samples, seed)
    _check_labels(data.source, train, validation)
    return replace(data, train=train, validation=validation)


def load_run_pairs(config: RunConfig) -> PairData:
    """The pairs a run's configuration names."""
    return load_pairs(
        config.dataset,
        data_dir=Path(config.data_dir) if config.data_dir else None,
        seed=config.seed,
        max_train_samples=config.max_train_samples,
        max_eval_samples=config.max_eval_samples,
    )


def _load_bundled(entry: CatalogDataset) -> PairData:
    train, validation = (read_pairs_file(PAIRS_FOLDER / f"{split}.jsonl") for split in ("train", "validation"))
    return PairData(entry.name, "bundled pairs", train, validation)


def _load_glue(entry: CatalogDataset, data_dir: Path | None, download: bool) -> PairData:
    folder = data_dir or read_settings().data_dir
    source, revision = f"GLUE {entry.name.upper()}, from a folder", None
    if folder is None:
        advice = f"name a folder that holds it with --data-dir or {DATA_DIR_VARIABLE}, or use --dataset {entry.instead}"
        patterns = [f"{entry.name}/{split}-*" for split in ("train", "validation")]
        folder = fetch(entry.hub_id, entry.revision, patterns, repo_type="dataset", download=download, advice=advice)
        source, revision = f"GLUE {entry.name.upper()}, hub {entry.hub_id}@{entry.revision[:12]}", entry.revision
    train, validation = (read_pairs_file(_glue_file(folder, entry, split)) for split in ("train", "validation"))
    return PairData(entry.name, source, train, validation, revision)


def _glue_file(folder: Path, entry: CatalogDataset, split: str) -> Path:
    name = f"{split}-00000-of-00001.parquet"
    for candidate in (folder / entry.name / name, folder / name):
        if candidate.is_file():
            return candidate
    raise DataError(
        f"The folder '{folder}' has no {entry.name}/{name}. Name the folder that holds {entry.hub_id}'s parquet files "
        f"with --data-dir or {DATA_DIR_VARIABLE}."
    )


def _load_file(name: str, seed: int) -> PairData:
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # "~somebody", and nobody of that name
        path = Path(name)
    if not path.suffix:
        raise DataError(f"There is no dataset '{name[:200]}'. Choose {either(DATASETS)}, or name a file of pairs.")
    pairs = read_pairs_file(path)
    labels = np.asarray(pairs["label"])
    if min(np.bincount(labels, minlength=2)) == 0:
        raise DataError(f"{path.name}: every pair has the label {labels[0]}. Training needs both labels, 0 and 1.")
    if min(np.bincount(labels, minlength=2)) < SPLIT_PARTS or len(pairs) < MIN_PAIRS:
        raise DataError(
            f"{path.name} has {len(pairs)} pairs, {int(labels.sum())} of them with label 1. At least {MIN_PAIRS} are "
            f"needed, {SPLIT_PARTS} of each label."
        )
    bundles = shared_sentence_bundles(list(pairs["sentence1"]), list(pairs["sentence2"]))
    if len(set(bundles.tolist())) < SPLIT_PARTS:
        raise DataError("The pairs share so many sentences that no validation part without them can be set aside.")
    return PairData(path.stem, f"file {path.name}", *split_pairs(pairs, bundles, seed))


def _check_labels(source: str, train: Dataset, validation: Dataset) -> None:
    for name, split in (("training", train), ("validation", validation)):
        if set(split["label"]) != {0, 1}:
            raise DataError(f"The {name} pairs of {source} do not have both labels, 0 and 1. Use more or other pairs.")
