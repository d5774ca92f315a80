"""A server takes its store before anything runs, and runs nothing before it is told to."""

from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.errors import StoreError
from qlora_core.server.services import Services, make_services


def services(folder: Path) -> Services:
    return make_services(folder / "runs", folder / "recorded", "", max_waiting=3)


def test_opening_finds_what_waits_and_starts_nothing(tmp_path: Path) -> None:
    here = services(tmp_path)
    run = here.store.create(make_config())
    here.open()
    assert [waiting.id for waiting in here.queue.waiting()] == [run.id]
    assert here.queue._thread is None
    assert here.fork_server.pid is None
    here.close()
    assert run.status.state == "queued"


def test_one_server_works_with_a_store_at_a_time(tmp_path: Path) -> None:
    first, second = services(tmp_path), services(tmp_path)
    first.open()
    with pytest.raises(StoreError, match=r"^Another server"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_run_that_comes_between_opening_and_starting_goes_to_the_end(tmp_path: Path) -> None:
    here = services(tmp_path)
    old = [here.store.create(make_config(), ticket=ticket) for ticket in (1, 2)]
    here.open()
    new = here.queue.submit(make_config(), "mine")
    here.queue.read()  # as the queue does when it starts
    assert [run.id for run in here.queue.waiting()] == [*(run.id for run in old), new.id]
    here.close()
