"""Which settings mattered: effects by hand, noise as noise, and the price of looking often."""

import numpy as np
import pytest

from qlora_core.errors import RunError
from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.several.claims import ONE_SEED, claims_of_effects
from qlora_core.evaluation.several.effects import effects_of
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.evaluation.several.runs import N, add_run


def grid(store: RunStore, seeds: int) -> list[Run]:
    """The learning rate matters by 20 of 120 pairs, r by none, and each seed adds pairs of its own."""
    return [
        add_run(
            store,
            [*range(30 if rate < 2e-4 else 10), *range(40 + 10 * seed, 42 + 10 * seed + place)],
            learning_rate=rate,
            r=r,
            seed=seed,
        )
        for seed in range(seeds)
        for place, r in enumerate((4, 16))
        for rate in (1e-4, 3e-4)
    ]


def test_the_setting_that_mattered_is_found_and_the_other_is_not(store: RunStore) -> None:
    found = effects_of(grid(store, 2), ["learning_rate", "r"])
    rate, r = found.effects
    assert (rate.setting, rate.first, rate.second, rate.blocks) == ("learning_rate", 1e-4, 3e-4, 2)
    assert rate.gain.value == pytest.approx(20 / 120)
    assert (rate.gain.seeds, rate.gain.pairs) == (2, N)
    assert rate.outcome is Outcome.BETTER
    assert r.gain.value == pytest.approx(-1 / 120)
    assert r.outcome is Outcome.NO_DIFFERENCE
    assert rate.p == pytest.approx(2 * rate.gain.p)
    claims = claims_of_effects(found)
    assert claims[0].startswith("Learning rate 0.0003 against 0.0001: +16.7 points of accuracy")
    assert claims[1] == "No difference beyond chance was found between the values of: Rank."
    assert claims[2] == "Each p is corrected for the number of comparisons, 2 (Holm)."
    assert "flattered" in claims[3]
    assert ONE_SEED not in claims


def test_with_one_seed_the_noise_is_that_of_the_pairs_and_is_said_to_be(store: RunStore) -> None:
    found = effects_of(grid(store, 1), ["learning_rate", "r"])
    assert found.seeds == 1
    assert 0 < found.noise < 0.1
    assert ONE_SEED in claims_of_effects(found)


def test_noise_over_seeds_is_pooled_over_the_combinations(store: RunStore) -> None:
    runs = [
        add_run(store, range(w), seed=s, r=r) for r, pair in ((4, (6, 12)), (8, (10, 10))) for s, w in enumerate(pair)
    ]
    found = effects_of(runs, ["r"])
    assert found.noise == pytest.approx(np.sqrt(((6 / N) ** 2 / 2 + 0) / 2))
    assert found.flattery == pytest.approx(found.noise * 1.03, rel=0.03)  # of four normal values, the largest


def test_runs_are_ranked_and_a_combination_that_lacks_is_left_out_of_its_effect(store: RunStore) -> None:
    runs = grid(store, 1)[:3]
    found = effects_of(runs, ["learning_rate", "r"])
    assert [effect.blocks for effect in found.effects] == [1, 1]
    assert found.runs[0].accuracy == max(one.accuracy for one in found.runs)


def test_where_nothing_differs_there_is_nothing_to_see(store: RunStore) -> None:
    with pytest.raises(RunError, match="Two values or more"):
        effects_of([add_run(store, range(3)), add_run(store, range(4), seed=1)], ["r"])
