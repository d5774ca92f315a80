"""The linear probe: a logistic regression on the frozen encoder, folded into the classifier."""

from collections.abc import Callable
from typing import NamedTuple

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
from qlora_core.training import baselines
from qlora_core.training.baselines import (
    FOLDS,
    MIN_PROBE_PAIRS_OF_A_LABEL,
    PENALTIES,
    classifier_set_to,
    draw_probe_pairs,
    entropy,
    fit_linear_probe,
    probe_head,
)
from tests.conftest import Bench, make_rows


class Probe(NamedTuple):
    """A fitted probe and its answers."""

    head: dict[str, torch.Tensor]
    logits: np.ndarray


def train_pairs(bench: Bench, rows: int = 60) -> TokenizedPairs:
    return tokenize(Dataset.from_list(make_rows(rows)), bench.tokenizer, 64)


def probe(bench: Bench, pairs: TokenizedPairs | None = None) -> Probe:
    """Fitted to ``pairs``, or to sixty of its own."""
    fitted = fit_linear_probe(bench.model, pairs or train_pairs(bench), bench.accelerator, 8, seed=0)
    with classifier_set_to(fitted.head, bench.model):
        return Probe(fitted.head, predict_logits(bench.model, bench.pairs, bench.accelerator, 8))


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


def test_probe_finds_what_the_encoder_knows(bench: Callable[..., Bench]) -> None:
    base = bench()
    untrained = predict_logits(base.model, base.pairs, base.accelerator, 8)
    assert (
        score(probe(base).logits, base.pairs.labels).values["accuracy"]
        > score(untrained, base.pairs.labels).values["accuracy"] + 0.2
    )


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
    nothing = probe(base, pairs)
    assert np.abs(nothing.logits - nothing.logits.mean(axis=0)).max() < 0.25 * np.abs(probe(base).logits).max()
    assert min(np.bincount(pairs.labels)) >= FOLDS


def test_progress_counts_the_training_pairs(bench: Callable[..., Bench]) -> None:
    base = bench()
    seen: list[tuple[int, int]] = []
    fit_linear_probe(base.model, train_pairs(base), base.accelerator, 30, 0, lambda *counts: seen.append(counts))
    assert seen == [(30, 60), (60, 60)]


@pytest.mark.parametrize(("labels_follow", "seen"), [(True, 60), (False, 30)])
def test_a_probe_sees_more_pairs_only_where_the_first_tell_it_something(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, labels_follow: bool, seen: int
) -> None:
    monkeypatch.setattr(baselines, "FIRST_PROBE_PAIRS", 30)
    monkeypatch.setattr(baselines, "MIN_PROBE_PAIRS_OF_A_LABEL", 8)
    base, rows = bench(), make_rows(60)
    if not labels_follow:
        labels = np.random.default_rng(1).permutation(60) % 2
        rows = [row | {"label": int(label)} for row, label in zip(rows, labels, strict=True)]
    train = tokenize(Dataset.from_list(rows), base.tokenizer, 64)
    counts: list[tuple[int, int]] = []
    fitted = fit_linear_probe(base.model, train, base.accelerator, 30, 0, lambda *each: counts.append(each))
    assert fitted.pairs == seen
    assert counts == [(30, 60), (60, 60)][: len(counts)]
    assert counts[-1] == (seen, 60)


def test_a_probe_that_sees_all_in_two_parts_is_the_one_that_sees_all_at_once(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = bench()
    train = train_pairs(base)
    at_once, _ = probe_head(pooled_features(base.model.bert, train, base.accelerator, 60), train.labels)
    monkeypatch.setattr(baselines, "FIRST_PROBE_PAIRS", 30)
    monkeypatch.setattr(baselines, "MIN_PROBE_PAIRS_OF_A_LABEL", 8)
    fitted = fit_linear_probe(base.model, train, base.accelerator, 60, seed=0)
    assert fitted.pairs == 60
    assert all(torch.allclose(fitted.head[name], at_once[name], atol=1e-3) for name in at_once)


def test_where_a_label_is_too_rare_in_the_first_pairs_a_probe_sees_all_at_once(bench: Callable[..., Bench]) -> None:
    base = bench()
    assert fit_linear_probe(base.model, train_pairs(base), base.accelerator, 30, seed=0).pairs == 60


def test_where_a_label_is_too_rare_in_the_first_pairs_alone_a_probe_sees_as_many_as_it_may(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "FIRST_PROBE_PAIRS", 30)
    monkeypatch.setattr(baselines, "MAX_PROBE_PAIRS", 50)
    monkeypatch.setattr(baselines, "MIN_PROBE_PAIRS_OF_A_LABEL", 18)
    base = bench()
    assert fit_linear_probe(base.model, train_pairs(base), base.accelerator, 30, seed=0).pairs == 50


@pytest.mark.parametrize(("labels", "nats"), [([0, 1, 0, 1], np.log(2)), ([1, 1], 0.0), ([0, 1, 1, 1], 0.5623)])
def test_entropy_is_the_loss_of_who_knows_only_how_often_each_label_comes(labels: list[int], nats: float) -> None:
    assert entropy(np.array(labels)) == pytest.approx(nats, abs=1e-4)


def drawn(labels: np.ndarray, bundles: np.ndarray, count: int, seed: int = 0) -> list[int]:
    return draw_probe_pairs(labels, bundles, count, seed)


def test_the_pairs_of_a_probe_are_whole_bundles_but_for_one() -> None:
    bundles = np.repeat(np.arange(400), 5)
    chosen = drawn(np.arange(2000) % 2, bundles, 998)
    sizes = np.bincount(bundles[chosen])
    assert len(chosen) == len(set(chosen)) == 998
    assert chosen == sorted(chosen)
    assert sorted(sizes[sizes > 0].tolist()) == [3, *[5] * 199]


def test_the_pairs_of_a_probe_follow_from_the_seed() -> None:
    labels, bundles = np.arange(2000) % 2, np.arange(2000)
    assert drawn(labels, bundles, 1000) == drawn(labels, bundles, 1000) != drawn(labels, bundles, 1000, seed=1)


@pytest.mark.parametrize(("rare", "seen"), [(0.5, 1000), (0.1, 3000)])
def test_a_probe_sees_every_pair_where_a_label_would_be_too_rare_in_fewer(rare: float, seen: int) -> None:
    labels = (np.random.default_rng(0).random(3000) < rare).astype(int)
    chosen = drawn(labels, np.arange(3000), 1000)
    assert len(chosen) == seen
    assert min(np.bincount(labels[chosen])) >= MIN_PROBE_PAIRS_OF_A_LABEL
