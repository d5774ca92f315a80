"""One run against another, by hand and by other programs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from qlora_core.config import RunConfig
from qlora_core.errors import HubError, RunError
from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.flips import Sentences, ValidationPairs, read_validation_pairs
from qlora_core.evaluation.several.answered import DifferentPairs
from qlora_core.evaluation.several.claims import claim_of_two
from qlora_core.evaluation.several.two_runs import compare_runs, gain_intervals
from qlora_core.store.runs import RunStore
from tests.evaluation.several.runs import LABELS, N, add_run
from tests.recorded import recorded_run


def nowhere(_: RunConfig) -> ValidationPairs:
    raise HubError("not here")


def known(_: RunConfig) -> ValidationPairs:
    return ValidationPairs("all", [Sentences(f"A {row}", f"B {row}", ("time", "money")[row % 2]) for row in range(N)])


def test_what_the_second_run_fixed_and_broke_is_counted(store: RunStore) -> None:
    first, second = add_run(store, range(30)), add_run(store, range(25, 35), seed=1)
    found = compare_runs(first, second, known)
    assert (found.compared.fixed, found.compared.broken) == (25, 5)
    assert found.compared.mcnemar_p == pytest.approx(binomtest(5, 30).pvalue)
    assert found.accuracies == pytest.approx((90 / 120, 110 / 120))
    assert found.compared.gains["accuracy"] == pytest.approx(20 / 120)
    assert found.compared.outcome is Outcome.BETTER
    assert claim_of_two(found).startswith(f"Run {second.id} is better than run {first.id} by 16.7 points")
    assert [(pair.idx, pair.is_fixed) for pair in found.changed[:2]] == [(0, True), (1, True)]
    assert found.changed[0].sentences == Sentences("A 0", "B 0", "time")
    time = found.by_phenomenon["time"]
    assert (time.n, time.fixed, time.broken) == (60, 13, 3)
    assert time.p == pytest.approx(max(2 * binomtest(2, 14).pvalue, binomtest(3, 16).pvalue))


def test_the_other_way_round_says_the_opposite(store: RunStore) -> None:
    first, second = add_run(store, range(30)), add_run(store, range(25, 35), seed=1)
    found = compare_runs(second, first, nowhere)
    assert found.compared.outcome is Outcome.WORSE
    assert found.by_phenomenon == {}
    assert found.changed[0].sentences is None
    assert "worse" in claim_of_two(found)


def test_a_difference_of_two_pairs_is_none(store: RunStore) -> None:
    found = compare_runs(add_run(store, range(30)), add_run(store, range(28), seed=1), nowhere)
    assert found.compared.outcome is Outcome.NO_DIFFERENCE
    assert claim_of_two(found).startswith("No difference beyond chance: ")
    assert found.as_dict()["outcome"] == "no_difference"


def f1(labels: np.ndarray, answers: np.ndarray) -> float:
    """F1 by its definition: scikit-learn's takes a hundred times as long for one draw."""
    both = np.sum(labels & answers)
    return float(2 * both / (labels.sum() + answers.sum()))


def test_the_interval_of_each_gain_is_that_of_a_naive_paired_bootstrap() -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random(200) < 0.6).astype(int)
    before, after = (np.where(generator.random(200) < share, labels, 1 - labels) for share in (0.7, 0.85))
    found = gain_intervals(before, after, labels)
    draws = [generator.integers(0, 200, 200) for _ in range(2000)]
    gains = [f1(labels[d], after[d]) - f1(labels[d], before[d]) for d in draws]
    assert found["f1"] == pytest.approx(tuple(np.percentile(gains, (2.5, 97.5))), abs=0.015)


@pytest.mark.parametrize(
    "other",
    [
        {"validation_fingerprint": "another"},
        {"labels": 1 - LABELS},
        {"labels": LABELS[:100], "wrong": range(10), "probe_wrong": range(5)},
    ],
)
def test_runs_on_different_pairs_are_refused(store: RunStore, other: dict[str, Any]) -> None:
    first, second = add_run(store, range(30)), add_run(store, **{"wrong": range(30), "seed": 1, **other})
    with pytest.raises(DifferentPairs, match="not validated on the same pairs"):
        compare_runs(first, second, nowhere)


def test_files_of_earlier_versions_need_the_same_pairs_to_train_on_too(store: RunStore, tmp_path: Path) -> None:
    old: dict[str, Any] = {"validation_fingerprint": None, "dataset": str(tmp_path / "pairs.csv")}
    first, second = add_run(store, range(3), **old), add_run(store, range(5), seed=1, **old)
    third = add_run(store, range(5), seed=2, fingerprint="other", **old)
    assert compare_runs(first, second, nowhere).compared.n == N
    with pytest.raises(DifferentPairs):
        compare_runs(first, third, nowhere)


def test_the_recorded_runs_can_be_held_against_each_other() -> None:
    found = compare_runs(recorded_run("quick"), recorded_run("standard"), read_validation_pairs)
    assert found.compared.outcome is Outcome.BETTER
    assert sum(group.n for group in found.by_phenomenon.values()) == found.compared.n
    assert len(found.changed) == found.compared.fixed + found.compared.broken


def test_a_run_without_a_result_is_refused(store: RunStore) -> None:
    from qlora_core.config import make_config

    with pytest.raises(RunError, match="has no result"):
        compare_runs(add_run(store, range(3)), store.create(make_config()), nowhere)
