"""One recipe over seeds: which runs belong to it, how far they lie apart, and what may be claimed."""

import pytest

from qlora_core.config import make_config
from qlora_core.errors import RunError
from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.several.alike import alike
from qlora_core.evaluation.several.claims import FEW, OTHER_PAIRS, claims_of_spread
from qlora_core.evaluation.several.spread import spread_of
from qlora_core.store.runs import RunStore
from tests.evaluation.several.runs import add_run


def test_runs_that_differ_in_their_seed_alone_belong_together(store: RunStore) -> None:
    first = add_run(store, range(10))
    second = add_run(store, range(12), seed=1, eval_batch_size=8)
    add_run(store, range(12), seed=1, r=4)
    add_run(store, range(12), seed=2, state="stopped")
    waiting = store.create(make_config(bootstrap_samples=100, seed=3))
    found = alike(second, store.runs())
    assert [run.id for run in found.done] == [first.id, second.id]
    assert [run.id for run in found.going_on] == [waiting.id]
    assert [run.status.state for run in found.fell_short] == ["stopped"]
    assert found.count == 4


def test_of_two_runs_of_one_seed_the_one_asked_for_counts(store: RunStore) -> None:
    first, second = add_run(store, range(10)), add_run(store, range(12))
    assert [run.id for run in alike(first, store.runs()).done] == [first.id]
    assert [run.id for run in alike(second, store.runs()).done] == [second.id]


def test_a_run_that_failed_and_was_carried_out_again_is_not_named(store: RunStore) -> None:
    run = add_run(store, range(10))
    store.create(run.config.model_copy(update={"seed": 1})).set_status(state="failed")
    add_run(store, range(12), seed=1)
    assert alike(run, store.runs()).fell_short == []


def test_mean_and_deviation_over_seeds(store: RunStore) -> None:
    runs = [add_run(store, range(wrong), seed=seed) for seed, wrong in enumerate((6, 12, 18))]
    found = spread_of(runs)
    assert found.means["accuracy"] == pytest.approx(0.9)
    assert found.deviations["accuracy"] == pytest.approx(0.05)
    assert [one.seed for one in found.runs] == [0, 1, 2]
    assert list(found.gains) == ["linear_probe", "majority"]
    assert found.gains["linear_probe"].value == pytest.approx(0.9 - 80 / 120)
    assert found.gains["linear_probe"].outcome is Outcome.BETTER
    claims = claims_of_spread(found)
    assert claims[0].startswith("Over 3 seeds, fine-tuning is better than the linear probe by 23.3 points of accuracy")
    assert claims[-1] == FEW.format(3)
    assert found.as_dict()["gains"]["linear_probe"]["outcome"] == "better"


def test_seeds_that_differ_too_much_allow_no_claim(store: RunStore) -> None:
    runs = [add_run(store, range(wrong), seed=seed) for seed, wrong in enumerate((0, 60))]
    found = spread_of(runs)
    assert found.gains["linear_probe"].outcome is Outcome.NO_DIFFERENCE
    assert "may explain" in claims_of_spread(found)[0]


def test_seeds_with_pairs_of_their_own_are_told_apart(store: RunStore) -> None:
    runs = [
        add_run(store, range(wrong), seed=seed, validation_fingerprint=f"split {seed}")
        for seed, wrong in enumerate((6, 12, 18))
    ]
    found = spread_of(runs)
    assert not found.same_pairs
    assert OTHER_PAIRS in claims_of_spread(found)


def test_one_run_says_nothing_of_seeds(store: RunStore) -> None:
    with pytest.raises(RunError, match="Two or more"):
        spread_of([add_run(store, range(3))])
