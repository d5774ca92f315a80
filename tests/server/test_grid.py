"""A grid of settings that a visitor asks for: its runs, what is refused of it, and how long it takes."""

from pathlib import Path
from typing import Any

import pytest

from qlora_core.errors import ConfigError, QLoRAError, RunError
from qlora_core.server import estimates
from qlora_core.server.grid import expected_seconds, grid_of
from qlora_core.server.services import Services, make_services
from qlora_core.server.together import submit_together
from tests.evaluation.several.runs import add_run

GRID = ["learning_rate=2e-4,5e-4", "r=4,16"]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", tmp_path / "recorded", "the-owner")


def test_each_combination_is_a_run_with_all_else_as_the_run_has_it(services: Services) -> None:
    run = add_run(services.store, range(3), learning_rate=1e-3, weight_decay=0.5, seed=1)
    grid = grid_of(services, run, GRID, 2)
    assert [(one.seed, one.learning_rate, one.r) for one in grid.new] == [
        (seed, rate, r) for seed in (1, 0) for rate in (2e-4, 5e-4) for r in (4, 16)
    ]
    assert {one.weight_decay for one in grid.new} == {0.5}
    assert (grid.settings, grid.known) == (["learning_rate", "r"], 0)


def test_runs_that_are_here_or_on_their_way_are_not_carried_out_again(services: Services) -> None:
    run = add_run(services.store, range(3), eval_batch_size=32)
    add_run(services.store, range(3), r=4, state="stopped")
    other = add_run(services.store, range(3), learning_rate=5e-4)
    services.queue.submit(other.config.model_copy(update={"r": 4}), "somebody")
    grid = grid_of(services, run, GRID, 1)
    assert [(one.learning_rate, one.r) for one in grid.new] == [(2e-4, 4)]
    assert grid.known == 3
    submit_together(services, grid.new, "somebody else")
    with pytest.raises(ConfigError, match="on this server already"):
        grid_of(services, run, GRID, 1)


@pytest.mark.parametrize(
    ("assignments", "seeds", "words"),
    [
        ([], 2, "Name a setting"),
        (["r=4"], 1, "That is one run"),
        (["r=4,4"], 1, "Some of these runs are the same"),
        (["r=4,no"], 1, "r should be a valid integer"),
        (["r=4,0"], 1, "greater than or equal to 1"),
        (["seed=1,2"], 1, "no setting that can be varied"),
        (["dataset=pairs,/etc/passwd"], 1, "no setting that can be varied"),
        (["r=1,2,3,4,5,6,7"], 2, "That is 14 runs. At most 12"),
        (["r=4,8"], 0, "at least 1 and at most 5 seeds"),
        (["r=4,8"], 6, "at least 1 and at most 5 seeds"),
        (["target_modules=query;nothing"], 1, "no linear layer"),
        (["max_length=128,512"], 0, "seeds"),
    ],
)
def test_what_is_no_grid_is_refused(services: Services, assignments: list[str], seeds: int, words: str) -> None:
    run = add_run(services.store, range(3))
    with pytest.raises(ConfigError, match=words):
        grid_of(services, run, assignments, seeds)


def test_a_run_that_no_visitor_could_have_started_is_not_varied(services: Services) -> None:
    run = add_run(services.store, range(3), dataset="/srv/pairs.csv")
    with pytest.raises(ConfigError, match="does not have this run's pairs"):
        grid_of(services, run, GRID, 1)


def test_what_the_runs_start_from_has_to_be_there(services: Services) -> None:
    run = add_run(services.store, range(3), init_from="20261125-101500-gone")
    with pytest.raises(RunError, match="no run"):
        grid_of(services, run, ["learning_rate=2e-4,5e-4"], 1)


def test_seconds_are_added_up_where_each_was_measured(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(config: Any, **_: Any) -> dict[str, Any]:
        return {"seconds": [10.0 * config.r, 20.0 * config.r], "baselines_seconds": [0.0, 0.0]}

    monkeypatch.setattr(estimates, "measure_cost", measure)
    run = add_run(services.store, range(3))
    first, second = grid_of(services, run, ["r=1,2"], 1).new
    services.estimates.measure(first)
    assert expected_seconds(services, [first, second]) is None
    services.estimates.measure(second)
    assert expected_seconds(services, [first, second]) == (30.0, 60.0)


def test_a_refusal_is_one_of_ours(services: Services) -> None:
    run = add_run(services.store, range(3))
    with pytest.raises(QLoRAError):
        grid_of(services, run, ["r=" + "9" * 5000], 1)
