"""How far tricks get on the bundled pairs: counting words, looking at one sentence only, comparing two vectors.

    python -m benchmarks.shortcuts [--json]

Whatever has parameters is fitted on train and scored on validation; a bare threshold is set to what suits validation
best, which is more than it deserves.
"""

import argparse
import json
import re

import numpy as np
from datasets import Dataset
from scipy.sparse import csr_matrix, hstack, spmatrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from transformers import AutoModel, AutoTokenizer

from qlora_core.data.sources import load_pairs
from qlora_core.models.catalog import find_base_model

WORD = r"\w+"
#: Inverse strengths of the L2 penalty that are tried.
PENALTIES = (0.01, 0.1, 1.0)


def measure_shortcuts(train: Dataset, validation: Dataset) -> dict[str, float]:
    """Validation accuracy of every shortcut, between 0 and 1."""
    labels = np.asarray(validation["label"])
    return {
        "majority": float(max(labels.mean(), 1 - labels.mean())),
        "word overlap, best threshold": _best_threshold(_overlap(validation), labels),
        "bag of words of the pair": _regression(_pair_features(train, validation), train, validation),
        "first sentence alone": _regression(_sentence_features(train, validation, "sentence1"), train, validation),
        "second sentence alone": _regression(_sentence_features(train, validation, "sentence2"), train, validation),
        "cosine of the packaged model, best threshold": _best_threshold(_cosine(validation), labels),
    }


def _words(sentence: str) -> set[str]:
    return set(re.findall(WORD, sentence.lower()))


def _overlap(pairs: Dataset) -> np.ndarray:
    """Jaccard index of the two sentences' sets of words, shape (n,)."""
    word_sets = [(_words(row["sentence1"]), _words(row["sentence2"])) for row in pairs]
    return np.array([len(first & second) / len(first | second) for first, second in word_sets])


def _best_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The best accuracy that "above the threshold" or "below it" can have on these very labels."""
    above = [float(((scores > threshold) == labels).mean()) for threshold in np.unique(scores)]
    return max(max(above), 1 - min(above))


def _regression(features: tuple[spmatrix, spmatrix], train: Dataset, validation: Dataset) -> float:
    """Logistic regression whose penalty is chosen by cross-validation inside train."""
    model = make_pipeline(
        MaxAbsScaler(),
        LogisticRegressionCV(
            Cs=PENALTIES, cv=3, solver="liblinear", scoring="accuracy", l1_ratios=(0,), use_legacy_attributes=False
        ),
    )
    model.fit(features[0], train["label"])
    return float(model.score(features[1], validation["label"]))


def _pair_features(train: Dataset, validation: Dataset) -> tuple[spmatrix, spmatrix]:
    """Words of either sentence, words in one but not in the other, overlap, and lengths."""
    counter = CountVectorizer(binary=True, token_pattern=WORD)
    counter.fit([*train["sentence1"], *train["sentence2"]])

    def features(pairs: Dataset) -> spmatrix:
        first, second = (counter.transform(list(pairs[name])) for name in ("sentence1", "sentence2"))
        lengths = [[len(_words(row["sentence1"])), len(_words(row["sentence2"]))] for row in pairs]
        numbers = np.column_stack([_overlap(pairs), lengths, np.abs(np.diff(lengths, axis=1))])
        return hstack([first, second, abs(first - second), first > second, csr_matrix(numbers)]).tocsr()

    return features(train), features(validation)


def _sentence_features(train: Dataset, validation: Dataset, column: str) -> tuple[spmatrix, spmatrix]:
    counter = CountVectorizer(binary=True, token_pattern=WORD, ngram_range=(1, 2))
    return counter.fit_transform(list(train[column])), counter.transform(list(validation[column]))


def _cosine(pairs: Dataset) -> np.ndarray:
    """Cosine of the two sentences' mean-pooled vectors, as the packaged model was trained to be used, shape (n,)."""
    import torch

    folder = find_base_model("minilm").folder
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = []
    for column in ("sentence1", "sentence2"):
        batch = tokenizer(list(pairs[column]), padding=True, truncation=True, return_tensors="pt")
        mask = batch["attention_mask"].unsqueeze(-1)
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
        vectors.append((hidden * mask).sum(1) / mask.sum(1))
    return torch.nn.functional.cosine_similarity(*vectors).numpy()


def main() -> None:
    """Print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    pairs = load_pairs("pairs")
    accuracy = measure_shortcuts(pairs.train, pairs.validation)
    if options.json:
        print(json.dumps(accuracy))
        return
    print(f"{len(pairs.train)} pairs for training, {len(pairs.validation)} for validation")
    for name, value in accuracy.items():
        print(f"{name:46} {value:.3f}")


if __name__ == "__main__":
    main()
