"""The run that the tests of the page pretend is like a real one: it tells the same in the same order, and obeys."""

from itertools import groupby
from typing import Any

import pytest

from qlora_core.config import make_config
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.cost.estimate import Estimate
from tests.page.pretended_run import main
from tests.page.pretending_server import pretend_to_measure


def order(run: Run) -> list[tuple[str, Any]]:
    """Kinds of events and names of phases as they came, repetitions left out."""
    told = [(event["kind"], event.get("phase")) for event in run.events() if event["kind"] not in ("step", "watched")]
    return [one for one, _ in groupby(told)]


def fields(run: Run) -> dict[str, set[str]]:
    """What the events of each kind have in them."""
    found: dict[str, set[str]] = {}
    for event in run.events():
        found.setdefault(event["kind"], set()).update(event)
    return found


@pytest.fixture
def run(store: RunStore) -> Run:
    """A run at work in this process."""
    run = store.create(make_config(num_train_epochs=2))
    run.claim()
    return run


def test_it_tells_what_a_real_run_tells(run: Run, finished_run: Run) -> None:
    main(str(run.path))
    assert run.status.state == finished_run.status.state == "finished"
    assert order(run) == order(finished_run)
    real = fields(finished_run)
    assert {kind: keys - real[kind] for kind, keys in fields(run).items() if keys - real[kind]} == {}
    assert run.has_adapter
    assert run.has_result


def test_a_stop_before_training_ends_it_without_a_result(run: Run) -> None:
    run.request("stop")
    main(str(run.path))
    assert (run.status.state, run.has_result) == ("stopped", False)


def test_what_it_pretends_to_measure_is_an_estimate() -> None:
    assert pretend_to_measure(make_config()).keys() == Estimate.__annotations__.keys()
