"""A run among others of its kind on its worksheet: other seeds, another setting, and where every number comes from."""

import shutil

from qlora_core.evaluation.several.alike import alike
from qlora_core.evaluation.several.claims import claims_of_effects, claims_of_spread
from qlora_core.evaluation.several.effects import effects_of
from qlora_core.evaluation.several.spread import spread_of
from qlora_core.store.runs import RunStore
from tests.export.worksheet.made import copied, sheet, words


def test_one_run_says_that_it_is_one(store: RunStore) -> None:
    text = words(sheet(copied(store), store))
    assert "this is one run, with seed 0" in text
    assert "other seeds" not in text
    assert "Against another setting" not in text
    assert "Every run whose numbers stand here" not in text


def test_each_seed_stands_there_with_mean_deviation_and_what_may_be_claimed(store: RunStore) -> None:
    run = copied(store)
    copied(store, "second", seed=1)
    copied(store, "third", seed=2)
    page = sheet(run, store)
    text, spread = words(page), spread_of(alike(run, store.runs()).done)
    for one in spread.runs:
        assert f"{one.seed} {one.values['accuracy']:.3f}" in text
        assert f"{one.run_id} {one.seed} " in text  # where its numbers come from
    assert f"mean {spread.means['accuracy']:.3f}" in text
    assert f"standard deviation {spread.deviations['accuracy']:.3f}" in text
    assert all(claim in text for claim in claims_of_spread(spread))
    assert page.count('class="dot"') == 6
    assert "this is one run" not in text


def test_runs_with_another_setting_stand_beside_it(store: RunStore) -> None:
    run = copied(store)
    copied(store, "narrow", r=4)
    text = words(sheet(run, store))
    effects = effects_of(alike(run, store.runs(), ["r"]).done, ["r"])
    assert "in one setting alone, and perhaps in their seed: Rank." in text
    assert all(claim in text for claim in claims_of_effects(effects))
    assert "narrow" in text
    assert "this is one run, with seed 0" in text


def test_runs_that_cannot_be_laid_beside_it_are_said_to_be_so(store: RunStore) -> None:
    run = copied(store)
    other = copied(store, "second", seed=1)
    (other.path / "predictions.parquet").write_bytes(b"no parquet")
    text = words(sheet(run, store))
    assert "other seeds" not in text
    assert "predictions" in text
    shutil.rmtree(other.path)
    assert "cannot be read" not in words(sheet(run, store))


def test_a_run_that_does_not_say_what_it_ran_on_is_named_all_the_same(store: RunStore) -> None:
    run = copied(store)
    other = copied(store, "second", seed=1)
    result = other.require_result()
    del result["environment"]
    other.finish(result, state="finished", message="Done")
    assert "second – – – –" in words(sheet(run, store))
