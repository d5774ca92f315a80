"""What is known of a borrowed GPU's pace before a run is started."""

from collections.abc import Callable

import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.server.zerogpu.pace import known_pace
from qlora_core.store.packed.mark import mark_brought
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.example_result import make_result

Finish = Callable[..., Run]


@pytest.fixture
def finish(store: RunStore) -> Finish:
    """Makes finished runs on a borrowed GPU, each with its own pace."""

    def make(config: RunConfig, pace: object, *, borrowed: str | None = "half", pairs: int = 9000) -> Run:
        run = store.create(config, on_loan=True)
        environment = {"borrowed": borrowed, "device_name": "borrowed: RTX Pro 6000, half"}
        run.write_environment(environment)
        result = make_result() | {"examples_per_second": pace, "environment": environment, "dataset": {"train": pairs}}
        run.finish(result, state="finished", message="")
        return run

    return make


def test_before_there_was_one_nothing_is_known(store: RunStore, finish: Finish) -> None:
    finish(make_config(), 40.0, borrowed=None)
    finish(make_config(base_model="bert-base-cased"), 300.0)
    finish(make_config(max_length=64), 300.0)
    assert known_pace(store, make_config()) is None


def test_it_is_that_of_the_newest_run_like_it(store: RunStore, finish: Finish) -> None:
    older = finish(make_config(), 100.0)
    older.path.rename(older.path.with_name(f"20200101-{older.id[9:]}"))  # names begin with the second they were made in
    finish(make_config(seed=3), 300.0)
    pace = known_pace(store, make_config("standard", num_train_epochs=2, max_train_samples=None))
    assert pace is not None
    assert (pace.device_name, pace.examples_per_second) == ("borrowed: RTX Pro 6000, half", 300.0)


@pytest.mark.parametrize(
    ("counted", "asked", "seconds", "loans"),
    [(None, None, 60.0, 2), (None, 1500, 10.0, 1), (3000, 1500, 10.0, 1), (3000, None, None, None)],
)
def test_the_time_follows_where_the_pairs_are_counted(
    counted: int | None, asked: int | None, seconds: float | None, loans: int | None, store: RunStore, finish: Finish
) -> None:
    finish(make_config(max_train_samples=counted), 300.0, pairs=counted or 9000)
    pace = known_pace(store, make_config(max_train_samples=asked, num_train_epochs=2))
    assert pace is not None
    assert (pace.seconds, pace.loans) == (seconds, loans)


@pytest.mark.parametrize("pace", [0, -1, "fast"])
def test_a_damaged_result_and_a_run_from_elsewhere_say_nothing(pace: object, store: RunStore, finish: Finish) -> None:
    assert known_pace(store, finish(make_config(), pace).config) is None
    brought = finish(make_config(), 1e9)
    mark_brought(brought, brought.require_result())
    assert known_pace(store, make_config()) is None
