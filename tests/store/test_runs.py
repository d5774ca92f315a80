"""Runs on disk: written whole, read back after any end, found only by a safe name."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import RunError, StorageError
from qlora_core.store.run import Run
from qlora_core.store.runs import RUN_ID, RunStore
from qlora_core.store.status import Status

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
HOSTILE = [
    "../../etc/passwd",
    "/",
    "..",
    "a b\n.csv",
    "-rf",
    "C:\\x.csv",
    "ünïcode.csv",
    "x" * 4000,
    "CON",
    "$(id)",
    ".",
]


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


@pytest.fixture
def other_process() -> Iterator[psutil.Popen]:
    """A process that lives until the test ends."""
    with psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.kill()


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def events_file(run: Run) -> Path:
    return run.path / "events.jsonl"


def test_a_new_run_waits_and_remembers_what_was_asked(store: RunStore) -> None:
    config = make_config("notebook", seed=3, max_train_samples=100)
    run = store.open(store.create(config).id)
    assert run.config == config
    assert (run.status.state, run.status.phase, run.result, run.environment) == ("queued", "queued", None, {})
    assert list(run.events()) == []


def test_a_run_of_another_process_is_read_back(store: RunStore, run: Run) -> None:
    run.write_environment({"python": "3"})
    run.append_event("phase", message="é")
    run.set_status(state="paused", step=5, total_steps=9, pid=os.getpid(), pid_started=psutil.Process().create_time())
    again = RunStore(store.folder).open(run.id)
    assert (again.status.state, again.status.step, again.status.total_steps) == ("paused", 5, 9)
    assert again.environment == {"python": "3"}
    assert [event["message"] for event in again.events()] == ["é"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["dataset", "base_model"])
def test_a_run_id_is_a_safe_folder_name_whatever_was_named(field: str, name: str, store: RunStore) -> None:
    run = store.create(make_config(**{field: name}))
    assert RUN_ID.fullmatch(run.id)
    assert [path.name for path in store.folder.iterdir()] == [run.id]
    assert store.open(run.id).config.model_dump()[field] == name


@settings(deadline=None)
@given(name=st.text(min_size=1))
def test_any_text_makes_an_id_that_can_be_opened(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = RunStore(tmp_path_factory.getbasetemp() / "any")
    assert store.open(store.create(RunConfig(dataset=name)).id).config.dataset == name


def test_ids_never_repeat_and_say_what_was_trained_on_what(store: RunStore) -> None:
    ids = {store.create(make_config(dataset="my/Pairs.v2.csv", base_model="bert-base-cased")).id for _ in range(10)}
    assert len(ids) == 10
    assert all("-bert-base-cased-pairs-v2-" in run_id for run_id in ids)


@pytest.mark.parametrize(
    "run_id", ["../x", "..", ".", "", "/", "a/b", "A", "-a", "a\n", "a\0", "x" * 81, "runs/../x", "é"]
)
def test_no_name_leads_out_of_the_store(run_id: str, store: RunStore, run: Run) -> None:
    outside = store.folder.parent / "x"
    outside.mkdir()
    (outside / "status.json").write_bytes((run.path / "status.json").read_bytes())
    with pytest.raises(RunError, match=r"^There is no run '"):
        store.open(run_id)


def test_an_unknown_run_is_refused_with_how_to_list_them(store: RunStore) -> None:
    with pytest.raises(RunError, match=r"^There is no run 'abc'\. List them with: python -m qlora_core runs\.$"):
        store.open("abc")


def test_runs_are_listed_newest_first(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    for moment, model in ((1e9, "z"), (1e9 + 1, "m"), (1e9 + 86400, "a")):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        runs.append(store.create(make_config(base_model=model)).id)
    assert [run.id for run in store.runs()] == runs[::-1]
    assert [run.id for run in store.runs(2)] == runs[:0:-1]


def test_only_as_many_runs_are_read_as_are_asked_for(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        store.create(make_config())
    read = []

    def note(run: Run) -> str:
        read.append(run.id)
        return run.id

    monkeypatch.setattr(Run, "status", property(note))
    assert len(store.runs(2)) == len(read) == 2


def test_a_store_without_a_folder_is_empty(store: RunStore) -> None:
    assert (store.runs(), store.damaged()) == ([], [])


@pytest.mark.parametrize("name", ["status.json", "config.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}x", b'{"state": "dancing"}', b'{"rank": 8}', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "half", "list", "null", "more", "state", "field", "bytes", "deep"],
)
def test_a_damaged_run_is_listed_apart(name: str, content: bytes, store: RunStore, run: Run) -> None:
    whole = store.create(make_config())
    (run.path / name).write_bytes(content)
    assert [found.id for found in store.runs()] == [whole.id]
    assert store.damaged() == [run.id]
    with pytest.raises(RunError):
        _ = run.status if name == "status.json" else run.config


@pytest.mark.parametrize("name", ["status.json", "config.json"])
def test_a_run_that_lacks_a_file_is_listed_apart(name: str, store: RunStore, run: Run) -> None:
    (run.path / name).unlink()
    assert (store.runs(), store.damaged()) == ([], [run.id])


@pytest.mark.parametrize("pid", [-1, 0, "me"])
def test_a_process_number_that_cannot_be_is_damage(pid: object, store: RunStore, run: Run) -> None:
    change_json(run.path / "status.json", state="running", pid=pid, pid_started=1.0)
    assert (store.runs(), store.damaged()) == ([], [run.id])


def test_what_is_no_run_is_not_listed(store: RunStore, run: Run) -> None:
    (store.folder / "notes.txt").write_text("", encoding="utf-8")
    (store.folder / ".hidden").mkdir()
    (store.folder / "README").mkdir()
    assert [found.id for found in store.runs()] == [run.id]
    assert store.damaged() == []


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_run_is_alive_while_its_process_is(state: str, run: Run, other_process: psutil.Popen) -> None:
    run.set_status(state=state, pid=other_process.pid, pid_started=other_process.create_time(), step=7)
    assert run.status.state == state
    other_process.kill()
    other_process.wait()
    assert (run.status.state, run.status.message) == (
        "interrupted",
        "Its process ended at step 7 without a word. It can be resumed.",
    )


def test_a_killed_process_that_nobody_waited_for_is_no_longer_alive(run: Run, other_process: psutil.Popen) -> None:
    run.set_status(state="running", pid=other_process.pid, pid_started=other_process.create_time())
    os.kill(other_process.pid, 9)
    os.waitid(os.P_PID, other_process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(other_process.pid).status() == psutil.STATUS_ZOMBIE
    assert run.status.state == "interrupted"


def test_another_process_with_the_same_number_is_not_mistaken_for_the_run(run: Run) -> None:
    run.set_status(state="running", pid=os.getpid(), pid_started=psutil.Process().create_time() - 60)
    assert run.status.state == "interrupted"


@pytest.mark.parametrize("pid", [None, 2**31 - 1, 2**70])
def test_a_process_that_does_not_exist_is_not_alive(pid: int | None, run: Run) -> None:
    change_json(run.path / "status.json", state="running", pid=pid, pid_started=1.0)
    assert run.status.state == "interrupted"


@pytest.mark.parametrize("state", ["queued", "stopped", "failed", "finished", "interrupted"])
def test_a_state_that_needs_no_process_is_kept_without_one(state: str, run: Run) -> None:
    run.set_status(state=state, pid=2**31 - 1, pid_started=1.0)
    assert run.status.state == state


def test_interruption_is_read_off_and_never_written(run: Run) -> None:
    run.set_status(state="running", pid=2**31 - 1, pid_started=1.0)
    before = (run.path / "status.json").read_bytes()
    assert run.status.state == "interrupted"
    assert (run.path / "status.json").read_bytes() == before


def test_claiming_makes_this_process_the_worker_and_forgets_old_requests(run: Run) -> None:
    run.request("stop")
    run.claim()
    assert (run.status.state, run.status.pid, run.requested()) == ("running", os.getpid(), "run")


def test_a_run_at_work_elsewhere_cannot_be_claimed(run: Run, other_process: psutil.Popen) -> None:
    run.set_status(state="running", pid=other_process.pid, pid_started=other_process.create_time())
    with pytest.raises(RunError, match=r"is already running in another process\.$"):
        run.claim()
    other_process.kill()
    other_process.wait()
    run.claim()
    assert run.status.pid == os.getpid()


def test_a_status_keeps_what_was_not_changed(run: Run) -> None:
    created = run.status.created
    run.set_status(phase="training", step=3)
    run.set_status(message="Going on")
    status = run.status
    assert (status.phase, status.step, status.message, status.created) == ("training", 3, "Going on", created)
    assert status.updated >= created


def test_a_status_that_makes_no_sense_is_not_written(run: Run) -> None:
    before = (run.path / "status.json").read_bytes()
    with pytest.raises(ValueError, match="state"):
        run.set_status(state="dancing")
    assert (run.path / "status.json").read_bytes() == before


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


@needs_dev_full
@pytest.mark.parametrize("name", ["status.json", "result.json", "environment.json", "predictions.parquet", "control"])
def test_a_full_disk_leaves_every_file_of_a_run_as_it_was(name: str, run: Run) -> None:
    (run.path / name).touch()
    before = (run.path / name).read_bytes()
    (run.path / f".{name}.tmp").symlink_to("/dev/full")
    writers: dict[str, Any] = {
        "status.json": lambda: run.set_status(step=1),
        "result.json": lambda: run.finish({"x": 1}, state="finished", message="Finished"),
        "environment.json": lambda: run.write_environment({"x": 1}),
        "predictions.parquet": lambda: run.write_predictions({"idx": [1]}),
        "control": lambda: run.request("stop"),
    }
    with pytest.raises(StorageError, match="the disk is full"):
        writers[name]()
    assert (run.path / name).read_bytes() == before
    assert run.status.state == "queued"


def test_a_finished_run_has_its_result_and_no_checkpoint(run: Run) -> None:
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    run.finish({"accuracy": 0.5}, state="stopped", message="Stopped early")
    assert (run.result, run.status.state, run.status.phase) == ({"accuracy": 0.5}, "stopped", "done")
    assert not run.checkpoint_path.exists()


def test_predictions_are_read_back_as_a_table(run: Run) -> None:
    columns = {"idx": [4, 9], "label": [0, 1], "probability_finetuned": [0.25, 0.75]}
    run.write_predictions(columns)
    assert pq.read_table(run.path / "predictions.parquet").to_pydict() == columns


def test_a_request_is_what_was_asked_last(run: Run) -> None:
    assert run.requested() == "run"
    for control in ("pause", "stop", "run", "run"):
        run.request(control)
        assert run.requested() == control


def test_a_status_read_while_it_is_replaced_is_always_whole(run: Run) -> None:
    script = (
        "import sys; from pathlib import Path; from qlora_core.store.run import Run\n"
        "for step in range(300): Run(Path(sys.argv[1])).set_status(step=step, message='m' * 5000)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(run.path)]) as writer:
        steps = [0]
        while writer.poll() is None:
            steps.append(run.status.step)
    assert writer.returncode == 0
    assert steps == sorted(steps)
    assert run.status.step == 299


def test_a_status_cannot_be_changed_in_memory() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Status(state="queued", created=0, updated=0).step = 1  # type: ignore[misc]
