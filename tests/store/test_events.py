"""What happened to a run: numbered without a gap, read back after any end."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlora_core.config import make_config
from qlora_core.errors import StorageError
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


def events_file(run: Run) -> Path:
    return run.path / "events.jsonl"


def test_events_are_numbered_from_zero_without_a_gap(run: Run) -> None:
    for number in range(5):
        run.append_event("step", loss=number / 10)
    assert [event["seq"] for event in run.events()] == [0, 1, 2, 3, 4]
    assert [event["loss"] for event in run.events(since=3)] == [0.3, 0.4]
    assert list(run.events(since=5)) == []


def test_numbers_go_on_in_the_next_process(store: RunStore, run: Run) -> None:
    run.append_event("a")
    run.append_event("b")
    store.open(run.id).append_event("c")
    assert [(event["seq"], event["kind"]) for event in run.events()] == [(0, "a"), (1, "b"), (2, "c")]


@pytest.mark.parametrize("torn", [b"{", b'{"seq": 2, "kind": "c"}', '{"x": "é'.encode()[:-1]])
def test_a_torn_last_line_is_left_out_and_then_replaced(torn: bytes, store: RunStore, run: Run) -> None:
    run.append_event("a")
    run.append_event("b")
    with events_file(run).open("ab") as file:
        file.write(torn)
    assert [event["kind"] for event in run.events()] == ["a", "b"]
    store.open(run.id).append_event("c")
    assert [(event["seq"], event["kind"]) for event in run.events()] == [(0, "a"), (1, "b"), (2, "c")]


@settings(deadline=None)
@given(cut=st.integers(0, 500))
def test_events_cut_anywhere_are_a_prefix_and_can_be_gone_on_with(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = RunStore(tmp_path_factory.mktemp("cut")).create(make_config())
    for number in range(4):
        run.append_event("step", text=f"é{number}")
    content = events_file(run).read_bytes()
    events_file(run).write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    Run(run.path).append_event("end")
    assert [event["seq"] for event in run.events()] == list(range(whole + 1))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_an_event_that_json_cannot_hold_leaves_the_others(loss: float, run: Run) -> None:
    run.append_event("a")
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.append_event("step", loss=loss)
    run.append_event("b")
    assert [(event["seq"], event["kind"]) for event in run.events()] == [(0, "a"), (1, "b")]


@needs_dev_full
def test_events_go_on_once_a_full_disk_has_room_again(run: Run) -> None:
    run.append_event("a")
    content = events_file(run).read_bytes()
    events_file(run).unlink()
    events_file(run).symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"^events\.jsonl could not be written: the disk is full"):
        run.append_event("lost")
    events_file(run).unlink()
    events_file(run).write_bytes(content + b'{"seq": 1, "ki')
    run.append_event("b")
    assert [(event["seq"], event["kind"]) for event in run.events()] == [(0, "a"), (1, "b")]
