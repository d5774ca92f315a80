"""What a run writes while it happens: status and events, by the main process alone, repeated to a listener."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qlora_core.config import RunConfig
from qlora_core.store.events import STAMPS
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.loop.events import Evaluated, Evaluating, Paused, Resumed, Step
from qlora_core.training.reports import reporter as reporter_module
from qlora_core.training.reports.reporter import Passes, Reporter, StopRequested
from tests.conftest import ignore, wait_until

STEP = Step(3, 8, 0.75, 0.6, 1e-3, 1.5, 100.0, 2.0)
LOGITS, LABELS = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]), np.array([1, 0, 1])


@pytest.fixture
def run(store: RunStore, tiny_config: Callable[..., RunConfig]) -> Run:
    run = store.create(tiny_config())
    run.claim()
    return run


def test_a_phase_is_in_the_status_and_among_the_events(run: Run) -> None:
    Reporter(run, ignore).phase("baselines", "Measuring")
    assert (run.status.state, run.status.phase, run.status.message) == ("running", "baselines", "Measuring")
    (event,) = run.events()
    assert (event["kind"], event["phase"], event["message"]) == ("phase", "baselines", "Measuring")


def test_the_listener_hears_what_is_written(run: Run) -> None:
    heard: list[dict[str, Any]] = []
    reporter = Reporter(run, lambda kind, fields: heard.append({"kind": kind, **fields}))
    reporter.phase("training", "Training")
    reporter.baseline("majority", LOGITS, LABELS)
    reporter.training_event(STEP)
    reporter.end("failed", "It failed.", traceback="...")
    written = [{key: event[key] for key in event if key not in STAMPS} for event in run.events()]
    assert heard == written


def test_a_baseline_is_recorded_with_its_scores(run: Run) -> None:
    Reporter(run, ignore).baseline("untrained_head", LOGITS, LABELS)
    (event,) = run.events()
    assert (event["name"], event["accuracy"], event["f1"]) == ("untrained_head", 2 / 3, 2 / 3)
    assert event["matthews_correlation"] == pytest.approx(0.5)
    assert event["loss"] == pytest.approx((2 * np.log(1 + np.exp(-1)) + np.log(1 + np.exp(1))) / 3)


def test_progress_is_shown_and_not_stored(run: Run) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    reporter = Reporter(run, lambda kind, fields: heard.append((kind, fields)))
    reporter.progress(8, 16)
    assert heard == [("progress", {"phase": "loading", "done": 8, "total": 16})]
    assert list(run.events()) == []


def test_the_passes_of_a_phase_count_together_where_their_pairs_are_known() -> None:
    passes = Passes(40)
    told = [(8, 16), (16, 16), (8, 8), (8, 8), (4, 16)]  # the second pass of 8 pairs is a pass of its own
    assert [passes.share(*each) for each in told] == [8 / 40, 16 / 40, 24 / 40, 32 / 40, 36 / 40]
    assert passes.share(16, 16) == 1.0
    assert [Passes().share(*each) for each in told] == [0.5, 1.0, 1.0, 1.0, 0.25]


def test_progress_of_a_phase_of_several_passes_never_falls(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter_module, "SECONDS_BETWEEN_STATUS_UPDATES", -1.0)
    reporter = Reporter(run, ignore)
    reporter.phase("baselines", "Measuring", pairs=32)
    shown = []
    for _ in range(2):
        for done in (8, 16):
            reporter.progress(done, 16)
            shown.append(run.status.progress)
    assert shown == [0.25, 0.5, 0.75, 1.0]


def test_the_steps_to_come_are_known_before_the_first(run: Run) -> None:
    Reporter(run, ignore).total_steps(150)
    assert (run.status.step, run.status.total_steps) == (0, 150)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (STEP, {"state": "running", "step": 3, "total_steps": 8}),
        (Paused(4, True), {"state": "paused", "message": "Paused"}),
        (Paused(4, False), {"state": "running", "message": "Training the adapter"}),
        (Evaluating(4), {"phase": "evaluating", "step": 4}),
        (Evaluated(4, 1.0, {"accuracy": 0.8}, True), {"phase": "training"}),
        (Resumed(4), {"state": "running"}),
    ],
)
def test_the_status_follows_the_training(event: Any, expected: dict[str, Any], run: Run) -> None:
    Reporter(run, ignore).training_event(event)
    status = run.status.model_dump()
    assert {name: status[name] for name in expected} == expected


def test_an_evaluations_scores_stand_beside_its_other_fields(run: Run) -> None:
    Reporter(run, ignore).training_event(Evaluated(4, 1.0, {"accuracy": 0.8, "matthews_correlation": 0.5}, True))
    (event,) = run.events()
    assert {name: event[name] for name in event if name not in ("seq", "time", "elapsed", "kind")} == {
        "step": 4, "epoch": 1.0, "accuracy": 0.8, "matthews_correlation": 0.5, "is_best": True, "only_answer": None,
    }  # fmt: skip


def test_every_step_is_an_event_though_the_status_is_written_less_often(run: Run) -> None:
    reporter = Reporter(run, ignore)
    for number in range(1, 6):
        reporter.training_event(Step(number, 8, 0.75, 0.6, 1e-3, 1.5, 100.0, 2.0))
    assert [event["step"] for event in run.events()] == [1, 2, 3, 4, 5]
    assert run.status.step == 1


def test_a_process_that_is_not_the_main_one_writes_and_says_nothing(run: Run) -> None:
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}

    def listen(kind: str, fields: dict[str, Any]) -> None:
        raise AssertionError((kind, fields))

    reporter = Reporter(run, listen, is_main_process=False, alone=False)
    reporter.phase("training", "Training")
    reporter.environment({"device": "cpu"})
    reporter.baseline("majority", LOGITS, LABELS)
    reporter.progress(1, 2)
    reporter.training_event(STEP)
    reporter.end("failed", "It failed.")
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


@pytest.mark.parametrize("phase", ["loading", "baselines"])
def test_a_stop_asked_for_before_training_ends_the_run_at_the_next_progress(phase: str, run: Run) -> None:
    reporter = Reporter(run, ignore)
    reporter.phase(phase, "...")
    run.request("stop")
    with pytest.raises(StopRequested):
        reporter.progress(1, 2)


@pytest.mark.parametrize("phase", ["training", "saving", "verifying"])
def test_a_stop_asked_for_later_is_left_to_the_training_loop(phase: str, run: Run) -> None:
    reporter = Reporter(run, ignore)
    reporter.phase(phase, "...")
    run.request("stop")
    reporter.progress(1, 2)
    assert reporter.command() == "stop"


def test_a_stop_waits_for_the_training_loop_where_several_processes_share_a_run(run: Run) -> None:
    reporter = Reporter(run, ignore, alone=False)
    run.request("stop")
    reporter.phase("baselines", "Measuring")
    assert run.status.phase == "baselines"


@pytest.mark.parametrize(("stopped", "state"), [(False, "finished"), (True, "stopped")])
def test_a_result_ends_the_run(stopped: bool, state: str, run: Run) -> None:
    Reporter(run, ignore).finish({"steps": 8}, stopped=stopped, verdict="No difference.")
    assert [event["verdict"] for event in run.events() if event.get("phase") == "done"] == ["No difference."]
    assert (run.status.state, run.status.phase, run.result) == (state, "done", {"steps": 8})


def test_progress_is_in_the_status_until_the_next_phase(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qlora_core.training.reports.reporter.SECONDS_BETWEEN_STATUS_UPDATES", 0)
    reporter = Reporter(run, ignore)
    for done in (4, 8, 16):
        reporter.progress(done, 16)
        assert run.status.progress == done / 16
    reporter.phase("baselines", "Measuring")
    assert run.status.progress is None
    reporter.training_event(STEP)
    assert run.status.progress == 3 / 8


def test_progress_is_written_less_often_than_it_comes(run: Run) -> None:
    reporter = Reporter(run, ignore)
    for done in range(1, 9):
        reporter.progress(done, 16)
    assert run.status.progress == 1 / 16


def during_a_pause(run: Run, reporter: Reporter, act: Callable[[], object]) -> None:
    """Let the reporter come to a pause, and act once it rests."""
    run.request("pause")

    def watch() -> None:
        wait_until(lambda: run.status.state == "paused")
        act()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        reporter.progress(1, 2)
    finally:
        watcher.join()


@pytest.mark.parametrize("phase", ["loading", "baselines", "saving", "verifying"])
def test_a_run_rests_in_every_phase_and_goes_on_where_it_was(phase: str, run: Run) -> None:
    reporter, seen = Reporter(run, ignore), []
    reporter.phase(phase, "At work")

    def go_on() -> None:
        seen.append((run.status.state, run.status.phase, run.status.message))
        run.request("run")

    during_a_pause(run, reporter, go_on)
    assert seen == [("paused", phase, "Paused")]
    assert (run.status.state, run.status.phase, run.status.message) == ("running", phase, "At work")
    assert [event["paused"] for event in run.events() if event["kind"] == "paused"] == [True, False]


@pytest.mark.parametrize("phase", ["loading", "baselines"])
def test_a_stop_during_a_pause_ends_a_run_that_has_learned_nothing(phase: str, run: Run) -> None:
    reporter = Reporter(run, ignore)
    reporter.phase(phase, "At work")
    with pytest.raises(StopRequested):
        during_a_pause(run, reporter, lambda: run.request("stop"))


@pytest.mark.parametrize("phase", ["saving", "verifying"])
def test_a_stop_during_a_pause_lets_a_trained_run_finish(phase: str, run: Run) -> None:
    reporter = Reporter(run, ignore)
    reporter.phase(phase, "At work")
    during_a_pause(run, reporter, lambda: run.request("stop"))
    assert (run.status.state, run.status.phase) == ("running", phase)


@pytest.mark.parametrize("phase", ["loading", "baselines"])
def test_a_stop_waits_for_the_training_loop_where_there_is_something_to_keep(phase: str, run: Run) -> None:
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    reporter = Reporter(run, ignore)
    run.request("stop")
    reporter.phase(phase, "At work")
    reporter.progress(1, 2)
    assert reporter.command() == "stop"


def test_a_pause_of_the_training_is_left_to_its_loop(run: Run) -> None:
    reporter = Reporter(run, ignore)
    run.request("pause")
    reporter.phase("training", "Training")
    assert (reporter.command(), run.status.state) == ("pause", "running")


def test_an_interruption_ends_a_pause(run: Run) -> None:
    reporter = Reporter(run, ignore)

    def interrupt() -> None:
        with pytest.raises(KeyboardInterrupt):
            reporter.interrupt(15, None)

    def rest_and_go_on() -> None:
        during_a_pause(run, reporter, interrupt)
        reporter.progress(2, 2)

    with pytest.raises(KeyboardInterrupt):  # swallowed in the other thread, and obeyed here
        rest_and_go_on()


def test_watched_pairs_and_looks_at_them_are_events(run: Run) -> None:
    rows: list[dict[str, str | int]] = [{"sentence1": "a", "sentence2": "b", "label": 1}]
    reporter = Reporter(run, ignore)
    reporter.watched_pairs(rows)
    reporter.watched(4, [0.25])
    pairs, look = run.events()
    assert (pairs["kind"], pairs["pairs"]) == ("watched_pairs", rows)
    assert (look["kind"], look["step"], look["probabilities"]) == ("watched", 4, [0.25])
