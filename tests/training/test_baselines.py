"""The linear probe: a logistic regression on the frozen encoder, folded into the classifier."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from datasets import Dataset
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qlora_core.data.batching import TokenizedPairs, tokenize
from qlora_core.evaluation.scores import score
from qlora_core.models.inference import pooled_features, predict_logits
from qlora_core.training.baselines import FOLDS, PENALTIES, LinearProbe, fit_linear_probe
from tests.conftest import Bench, make_rows


def train_pairs(bench: Bench, rows: int = 60) -> TokenizedPairs:
    return tokenize(Dataset.from_list(make_rows(rows)), bench.tokenizer, 64)


def probe(bench: Bench) -> LinearProbe:
    return fit_linear_probe(bench.model, train_pairs(bench), bench.pairs, bench.accelerator, 8)


@pytest.mark.parametrize("scheme", ["nf4", "none"])
def test_folded_head_answers_as_a_pipeline_with_the_best_of_the_penalties(
    bench: Callable[..., Bench], scheme: str
) -> None:
    base = bench(quantization=scheme)
    fitted = probe(base)
    train = train_pairs(base)
    seen, asked = (pooled_features(base.model.bert, pairs, base.accelerator, 8) for pairs in (train, base.pairs))
    answers = softmax(fitted.logits, axis=1)[:, 1]
    pipelines = [
        make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=1000)).fit(seen, train.labels)
        for penalty in PENALTIES
    ]
    differences = [np.abs(pipeline.predict_proba(asked)[:, 1] - answers).max() for pipeline in pipelines]
    assert min(differences) < 1e-3
    assert sorted(differences)[1] > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_model_with_the_probe_s_head_gives_the_probe_s_logits(bench: Callable[..., Bench], dtype: str) -> None:
    base = bench(bnb_4bit_compute_dtype=dtype)
    fitted = probe(base)
    base.model.classifier.load_state_dict(fitted.head)
    assert np.array_equal(predict_logits(base.model, base.pairs, base.accelerator, 8), fitted.logits)


def test_probe_finds_what_the_encoder_knows(bench: Callable[..., Bench]) -> None:
    base = bench()
    untrained = predict_logits(base.model, base.pairs, base.accelerator, 8)
    assert (
        score(probe(base).logits, base.pairs.labels).values["accuracy"]
        > score(untrained, base.pairs.labels).values["accuracy"] + 0.2
    )


def test_probe_learns_from_the_training_pairs_alone(bench: Callable[..., Bench]) -> None:
    base = bench()
    whole = probe(base)
    fewer = fit_linear_probe(base.model, train_pairs(base), train_pairs(base, 20), base.accelerator, 8)
    assert torch.equal(whole.head["weight"], fewer.head["weight"])
    assert (whole.logits.shape, fewer.logits.shape) == ((24, 2), (20, 2))


def test_probe_leaves_the_model_as_it_was(bench: Callable[..., Bench]) -> None:
    base = bench()
    before = {name: parameter.clone() for name, parameter in base.model.named_parameters()}
    probe(base)
    assert all(torch.equal(parameter, before[name]) for name, parameter in base.model.named_parameters())


def test_labels_that_follow_from_nothing_get_a_stronger_penalty(bench: Callable[..., Bench]) -> None:
    base = bench()
    rows = make_rows(60)
    labels = np.random.default_rng(0).integers(2, size=60).tolist()
    shuffled = Dataset.from_list([row | {"label": label} for row, label in zip(rows, labels, strict=True)])
    pairs = tokenize(shuffled, base.tokenizer, 64)
    nothing = fit_linear_probe(base.model, pairs, base.pairs, base.accelerator, 8)
    assert np.abs(nothing.logits - nothing.logits.mean(axis=0)).max() < 0.25 * np.abs(probe(base).logits).max()
    assert min(np.bincount(pairs.labels)) >= FOLDS


def test_progress_counts_the_training_pairs(bench: Callable[..., Bench]) -> None:
    base = bench()
    seen: list[tuple[int, int]] = []
    fit_linear_probe(
        base.model, train_pairs(base), base.pairs, base.accelerator, 30, lambda *counts: seen.append(counts)
    )
    assert seen == [(30, 60), (60, 60)]
