"""Which pairs are trained on and which are validated on, and a digest that says whether two runs had the same ones."""

import hashlib
import json

import numpy as np
from datasets import Dataset

from qlora_core.data.bundles import shared_sentence_bundles

#: A user's file is split in this many parts, one of which is validation.
SPLIT_PARTS = 5


def split_pairs(pairs: Dataset, bundles: np.ndarray, seed: int) -> tuple[Dataset, Dataset]:
    """Pairs to train on and about a fifth to validate on, with the same share of labels, bundles undivided."""
    from sklearn.model_selection import StratifiedGroupKFold  # a second's work, and few runs have pairs to split

    labels = np.asarray(pairs["label"])
    folds = StratifiedGroupKFold(n_splits=SPLIT_PARTS, shuffle=True, random_state=seed).split(labels, labels, bundles)
    # One sentence may link most of the pairs: the part that they fill is not the one to validate on.
    train, validation = min(folds, key=lambda fold: abs(len(fold[1]) * SPLIT_PARTS - len(pairs)))
    return pairs.select(train), pairs.select(validation)


def limit_pairs(pairs: Dataset, count: int | None, seed: int) -> Dataset:
    """A random part of ``count`` pairs, in their order; all of them if there are fewer, or if it is None.

    Whole bundles are drawn, so that a pair's near twins come with it; only the last one drawn may be cut.
    """
    if count is None or count >= len(pairs):
        return pairs
    generator = np.random.default_rng(seed)
    bundles = shared_sentence_bundles(list(pairs["sentence1"]), list(pairs["sentence2"]))
    place = generator.permutation(bundles.max() + 1)[bundles]  # of each pair's bundle
    chosen = np.lexsort((generator.random(len(pairs)), place))[:count]
    return pairs.select(np.sort(chosen))


def count_shared(train: Dataset, validation: Dataset) -> int:
    """How many validation pairs have a sentence that is trained on; upper and lower case are alike."""
    known = {sentence.casefold() for name in ("sentence1", "sentence2") for sentence in train[name]}
    return sum(
        first.casefold() in known or second.casefold() in known
        for first, second in zip(validation["sentence1"], validation["sentence2"], strict=True)
    )


def count_in_both(train: Dataset, validation: Dataset) -> int:
    """How many validation pairs are trained on as a whole, in either order; upper and lower case are alike."""
    known = set(_unordered(train))
    return sum(pair in known for pair in _unordered(validation))


def _unordered(pairs: Dataset) -> list[frozenset[str]]:
    columns = zip(pairs["sentence1"], pairs["sentence2"], strict=True)
    return [frozenset((first.casefold(), second.casefold())) for first, second in columns]


def fingerprint(*splits: Dataset) -> str:
    """SHA-256 over every sentence and label, in order."""
    digest = hashlib.sha256()
    for pairs in splits:
        for row in zip(pairs["sentence1"], pairs["sentence2"], pairs["label"], strict=True):
            digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")
    return digest.hexdigest()
