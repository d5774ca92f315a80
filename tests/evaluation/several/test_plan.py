"""Several runs planned at once, and what is refused of a plan."""

import pytest

from qlora_core.config import make_config
from qlora_core.errors import ConfigError
from qlora_core.evaluation.several.plan import plan, read_grid, read_seeds, values_of


def test_every_combination_runs_with_the_first_seed_before_any_with_the_second() -> None:
    planned = plan(make_config(), read_grid(["learning_rate=1e-4, 3e-4", "r=4,16"]), [0, 1], 8)
    assert [(one.config.seed, one.config.learning_rate, one.config.r) for one in planned] == [
        (seed, rate, r) for seed in (0, 1) for rate in (1e-4, 3e-4) for r in (4, 16)
    ]
    assert planned[0].changes == {"learning_rate": "1e-4", "r": "4", "seed": "0"}


def test_values_of_a_list_are_parted_by_semicolons() -> None:
    grid = read_grid(["target_modules=query,value; query"])
    assert [one.config.target_modules for one in plan(make_config(), grid, [0], 4)] == [("query", "value"), ("query",)]


@pytest.mark.parametrize(
    ("grid", "seeds", "words"),
    [
        ({"r": ["4", "8", "16"]}, [0, 1], "That is 6 runs. At most 5"),
        ({"r": ["4", "4.0"]}, [0], "Some of these runs are the same"),
        ({}, [0, 0], "Some of these runs are the same"),
        ({}, [0], "That is one run"),
        ({"r": ["4", "much"]}, [0], "^r should be a valid integer"),
        ({"lr_scheduler_type": ["linear", "none"]}, [0], "lr_scheduler_type"),
    ],
)
def test_what_is_no_plan_is_refused(grid: dict[str, list[str]], seeds: list[int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        plan(make_config(), grid, seeds, 5)


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["r"], "is not FIELD=VALUE,VALUE"),
        (["r=4", "r=8"], "named twice"),
        (["seed=0,1"], "'seed' is no setting that can be varied"),
        (["dataset=pairs,mrpc"], "no setting that can be varied"),
        (["no=1"], "no setting"),
        (["r=4,"], "a value is empty"),
        ([f"{name}=1,2" for name in ("r", "lora_alpha", "learning_rate", "weight_decay")], "At most 3"),
    ],
)
def test_what_is_no_grid_is_refused(assignments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_grid(assignments)


@pytest.mark.parametrize("text", ["", "a", "0,", "-1", "1.5", "99999999999", "٣"])
def test_what_are_no_seeds_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="are no seeds"):
        read_seeds(text)


def test_seeds_and_values_are_read_as_they_are_written() -> None:
    assert read_seeds("0, 1,2") == [0, 1, 2]
    assert values_of("max_train_samples", "none, 100") == ["none", "100"]
