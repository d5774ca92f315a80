"""How far runs have come that were asked for together."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import make_config
from qlora_core.server.group import changes_words, group_of
from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", tmp_path / "recorded", "the-owner")


@pytest.fixture
def runs(services: Services) -> list[Run]:
    """Three runs that wait."""
    configs = [make_config(r=r, learning_rate=rate) for r, rate in ((4, 1e-4), (16, 1e-4), (4, 3e-4))]
    return services.queue.submit_together(configs, "mine")


def finish(run: Run, seconds: float) -> None:
    """End a run that was at work for so long."""
    run.event_log.append([{"kind": "phase", "phase": "loading", "message": "", "elapsed": 0.0}])
    run.event_log.append([{"kind": "phase", "phase": "done", "message": "", "elapsed": seconds}])
    run.finish({}, state="finished", message="")


def group(services: Services, run: Run) -> dict[str, Any]:
    found = group_of(services, run.status.group)
    assert found is not None
    return found


def test_every_run_of_a_group_tells_the_same_of_it(services: Services, runs: list[Run]) -> None:
    told = group(services, runs[0])
    assert (told["count"], told["settings"], told["done"]) == (3, ["r", "learning_rate"], "")
    assert [one["number"] for one in told["runs"]] == [1, 2, 3]
    assert [one["run"] for one in told["runs"]] == [run.id for run in runs]
    assert [one["changes"] for one in told["runs"]] == [
        "Rank 4, Learning rate 0.0001",
        "Rank 16, Learning rate 0.0001",
        "Rank 4, Learning rate 0.0003",
    ]
    assert {one["state"] for one in told["runs"]} == {"queued"}
    assert group(services, runs[2]) == told


def test_a_run_that_was_asked_for_alone_has_no_group(services: Services) -> None:
    assert group_of(services, services.queue.submit(make_config(), "mine").status.group) is None


def test_a_status_of_an_earlier_version_has_no_group(services: Services, runs: list[Run]) -> None:
    path = runs[0].path / "status.json"
    earlier = {name: value for name, value in json.loads(path.read_text()).items() if name != "group"}
    path.write_text(json.dumps(earlier))
    assert runs[0].status.state == "queued"
    assert group_of(services, runs[0].status.group) is None


def test_nobody_knows_the_time_before_anything_was_measured_or_has_finished(
    services: Services, runs: list[Run]
) -> None:
    assert group(services, runs[0])["minutes_left"] is None
    finish(runs[0], 90.0)
    told = group(services, runs[1])
    assert (told["minutes_left"], told["done"]) == (3, runs[0].id)
    assert [one["state"] for one in told["runs"]] == ["finished", "queued", "queued"]


def test_what_was_expected_counts_before_what_others_took(services: Services, runs: list[Run]) -> None:
    finish(runs[0], 90.0)
    runs[1].write_estimate({"seconds": [300.0, 420.0]})
    assert group(services, runs[0])["minutes_left"] == 8  # 360 s and 90 s


@pytest.mark.parametrize("seconds", [[], "no", [1, "2"], [-1, 2], [1e308, 1e308], None])
def test_a_damaged_expectation_is_none(services: Services, runs: list[Run], seconds: object) -> None:
    runs[1].write_estimate({"seconds": seconds})
    assert group(services, runs[0])["minutes_left"] is None


def test_the_time_that_a_run_has_been_at_work_is_taken_off(services: Services, runs: list[Run]) -> None:
    for run in runs:
        run.write_estimate({"seconds": [600.0, 600.0]})
    runs[0].claim()
    runs[0].event_log.append([{"kind": "phase", "phase": "loading", "message": "", "elapsed": 0.0}])
    runs[0].event_log.append([{"kind": "phase", "phase": "baselines", "message": "", "elapsed": 301.0}])
    assert group(services, runs[0])["minutes_left"] == 25


def test_when_all_have_ended_nothing_is_left(services: Services, runs: list[Run]) -> None:
    for run in runs:
        services.queue.stop(run.id)
    told = group(services, runs[0])
    assert (told["minutes_left"], told["done"]) == (0, "")


def test_a_deleted_run_leaves_the_others_their_numbers(services: Services, runs: list[Run]) -> None:
    tag = group(services, runs[1])["tag"]
    shutil.rmtree(runs[0].path)
    told = group(services, runs[1])
    assert (told["count"], [one["number"] for one in told["runs"]]) == (3, [2, 3])
    assert told["tag"] != tag
    shutil.rmtree(runs[2].path)
    assert group_of(services, runs[1].status.group) is None


def test_seeds_are_told_apart_by_their_seed(services: Services) -> None:
    runs = services.queue.submit_together([make_config(seed=seed) for seed in (4, 5)], "mine")
    told = group(services, runs[0])
    assert (told["settings"], [one["changes"] for one in told["runs"]]) == ([], ["Seed 4", "Seed 5"])
    assert changes_words(runs[0].config, ["bnb_4bit_use_double_quant"]) == "Double quantisation on"
