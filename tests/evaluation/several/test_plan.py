"""Several runs planned at once, and what is refused of a plan."""

import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import ConfigError
from qlora_core.evaluation.several.plan import (
    VARIABLE,
    as_written,
    plan,
    read_grid,
    read_seeds,
    suggestion,
    value_of,
    values_of,
)


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


def test_a_grid_of_a_hundred_million_runs_is_counted_and_not_made() -> None:
    values = [str(number) for number in range(500)]
    with pytest.raises(ConfigError, match="That is 125000000 runs"):
        plan(make_config(), {"r": values, "lora_alpha": values, "num_train_epochs": values}, [0], 12)


@pytest.mark.parametrize("preset", ["quick", "standard", "notebook"])
@pytest.mark.parametrize("name", VARIABLE)
def test_a_value_is_written_as_it_is_read(name: str, preset: str) -> None:
    config = make_config(preset)
    text = as_written(getattr(config, name))
    assert RunConfig(**{**config.model_dump(), name: value_of(name, text)}) == config


def test_a_value_that_a_short_number_would_change_is_written_in_full() -> None:
    assert [as_written(value) for value in (3e-4, 32.0, 0.1 + 0.2)] == ["0.0003", "32", "0.30000000000000004"]


@pytest.mark.parametrize("preset", ["quick", "standard", "notebook"])
@pytest.mark.parametrize("name", VARIABLE)
def test_two_different_values_that_can_be_are_suggested_for_each_setting(name: str, preset: str) -> None:
    config = make_config(preset)
    planned = plan(config, {name: values_of(name, suggestion(config, name))}, [0], 2)
    assert planned[0].config == config


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("learning_rate", "0.0002, 0.0005"),
        ("r", "16, 8"),
        ("quantization", "nf4, fp4"),
        ("bnb_4bit_use_double_quant", "on, off"),
        ("lora_dropout", "0, 0.1"),
        ("max_train_samples", "none, 5000"),
        ("modules_to_save", "classifier,pooler; classifier,pooler,token_type_embeddings"),
    ],
)
def test_what_is_suggested_is_what_a_preset_has_or_what_comes_next(name: str, text: str) -> None:
    assert suggestion(make_config(), name) == text
