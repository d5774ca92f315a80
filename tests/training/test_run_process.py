"""Whole runs on the tiny BERT: how they end, how they go on, and that the same seed gives the same bits."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import psutil
import pytest
import torch

from qlora_core.config import RunConfig
from qlora_core.errors import DivergedError, MemoryExhausted, QLoRAError, RunError, RunFailure, StorageError
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.reports.reporter import Listener
from qlora_core.training.run_process import await_hand_over, carry_out, main, resume_run, start_run
from tests.conftest import ignore, largest_file

MakeConfig = Callable[..., RunConfig]
#: What differs from run to run, whatever the seed.
MEASURED_ANEW = ("run_id", "train_seconds", "examples_per_second", "peak_rss_bytes", "baselines")


def when(act: Callable[[], object], wanted: str, **values: object) -> Listener:
    """A listener that acts at the first event of a kind whose fields have the given values."""
    waiting = True

    def listen(kind: str, fields: dict[str, Any]) -> None:
        nonlocal waiting
        if waiting and kind == wanted and values.items() <= fields.items():
            waiting = False
            act()

    return listen


def throw(error: BaseException) -> Callable[[], None]:
    """A function that raises ``error``."""

    def act() -> None:
        raise error

    return act


def only_run(store: RunStore) -> Run:
    """The one run that ``store`` lists."""
    (run,) = store.runs()
    return run


def adapter_bytes(run: Run) -> bytes:
    return (run.adapter_dir / "adapter_model.safetensors").read_bytes()


def assert_same_training(run: Run, reference: Run) -> None:
    """The adapter's file is equal to the last bit, and so is every number that no clock is behind."""
    assert adapter_bytes(run) == adapter_bytes(reference)
    results = [run.result or {}, reference.result or {}]
    first, second = ({key: value for key, value in each.items() if key not in MEASURED_ANEW} for each in results)
    assert first == second


def test_a_run_ends_with_a_verified_result(finished_run: Run) -> None:
    result = finished_run.result
    assert result is not None
    assert finished_run.status.state == "finished"
    assert result["reload"] == {
        "verified": True,
        "max_abs_logit_difference": 0.0,
        "tolerance": 1e-3,
        "missing_tensors": [],
        "fresh_process": True,
    }


def test_a_finished_run_leaves_no_temporary_files(finished_run: Run) -> None:
    assert [path.name for path in finished_run.path.rglob("*") if path.name.startswith(".")] == []
    assert not finished_run.checkpoint_path.exists()


def test_the_same_seed_gives_the_same_bits(finished_run: Run, store: RunStore) -> None:
    assert_same_training(start_run(finished_run.config, store, ignore), finished_run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["phase", "baseline", "step"])
def test_a_signal_leaves_a_run_that_is_interrupted(
    number: signal.Signals, kind: str, tiny_config: MakeConfig, store: RunStore
) -> None:
    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(), store, when(lambda: signal.raise_signal(number), kind))
    run = only_run(store)
    assert run.status.state == "interrupted"
    assert run.status.message == f"Interrupted. Go on from the last checkpoint with --resume {run.id}."
    assert list(run.events())[-1]["kind"] == "end"


def swallowed_signal() -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("kind", ["phase", "step"])
def test_a_signal_is_obeyed_though_a_library_swallows_its_exception(
    kind: str, tiny_config: MakeConfig, store: RunStore
) -> None:
    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(), store, when(swallowed_signal, kind))
    assert only_run(store).status.state == "interrupted"


def test_a_run_gives_the_handlers_of_signals_back(tiny_config: MakeConfig, store: RunStore) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(RunFailure):
        start_run(tiny_config(), store, when(throw(ValueError()), "phase"))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_interrupted_run_goes_on_to_the_weights_it_would_have_had(finished_run: Run, store: RunStore) -> None:
    interrupt = when(lambda: signal.raise_signal(signal.SIGTERM), "step", step=6)
    with pytest.raises(KeyboardInterrupt):
        start_run(finished_run.config, store, interrupt)
    run = resume_run(only_run(store).id, store, ignore)
    assert [event["step"] for event in run.events() if event["kind"] == "resumed"] == [4]
    assert_same_training(run, finished_run)


def reloading_processes() -> list[psutil.Process]:
    """Live children of this process that reload an adapter."""
    children = psutil.Process().children()
    return [child for child in children if child.is_running() and "qlora_core.training.verify" in child.cmdline()]


def interrupt_while_reloading() -> None:
    """Send SIGTERM to this process as soon as it has a child that is busy importing what it reloads with."""

    def watch() -> None:
        while not any(child.memory_info().rss > 50e6 for child in reloading_processes()):
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch).start()


@pytest.mark.usefixtures("fresh_process")
def test_an_interruption_while_verifying_ends_the_process_that_reloads(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(), store, when(interrupt_while_reloading, "phase", phase="verifying"))
    assert only_run(store).status.phase == "verifying"
    assert reloading_processes() == []


@pytest.mark.parametrize("phase", ["loading", "baselines"])
def test_a_stop_before_training_ends_without_a_result(phase: str, tiny_config: MakeConfig, store: RunStore) -> None:
    ask = when(lambda: only_run(store).request("stop"), "phase", phase=phase)
    run = start_run(tiny_config(), store, ask)
    assert run.status.state == "stopped"
    assert run.status.message == "Stopped before training began; nothing was learned yet."
    assert run.result is None
    assert not run.adapter_dir.exists()


def test_a_stop_while_training_keeps_what_was_learned(tiny_config: MakeConfig, store: RunStore) -> None:
    ask = when(lambda: only_run(store).request("stop"), "step", step=3)
    run = start_run(tiny_config(), store, ask)
    result = run.result
    assert run.status.state == "stopped"
    assert result is not None
    assert (result["steps"], result["stopped_early"], result["best_epoch"]) == (3, True, 0.75)
    assert result["reload"]["verified"]


def test_a_pause_changes_nothing_but_the_time(finished_run: Run, store: RunStore) -> None:
    states = []
    pause = when(lambda: only_run(store).request("pause"), "step", step=2)
    go_on = when(lambda: only_run(store).request("run"), "paused", paused=True)
    look = when(lambda: states.append(only_run(store).status.state), "paused", paused=False)

    def listen(kind: str, fields: dict[str, Any]) -> None:
        for listener in (pause, go_on, look):
            listener(kind, fields)

    run = start_run(finished_run.config, store, listen)
    assert states == ["paused"]
    assert [event["paused"] for event in run.events() if event["kind"] == "paused"] == [True, False]
    assert_same_training(run, finished_run)


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (MemoryError(), MemoryExhausted, "Lower train_batch_size"),
        (torch.OutOfMemoryError("CUDA out of memory."), MemoryExhausted, "Lower train_batch_size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryExhausted, "Lower train_batch_size"),
        (OSError(errno.ENOSPC, "No space left on device"), StorageError, "The disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageError, "The disk is full"),
        (Exception("No space left on device (os error 28)"), StorageError, "The disk is full"),
        (ZeroDivisionError("division by zero"), RunFailure, "unexpected ZeroDivisionError: division by zero"),
    ],
)
def test_a_failure_is_recorded_in_plain_words(
    error: Exception, expected: type[QLoRAError], words: str, tiny_config: MakeConfig, store: RunStore
) -> None:
    with pytest.raises(expected, match=words):
        start_run(tiny_config(), store, when(throw(error), "baseline"))
    run = only_run(store)
    assert run.status.state == "failed"
    assert words in run.status.message
    last = list(run.events())[-1]
    assert type(error).__name__ in last["traceback"]
    assert last["error"] == expected.__name__


def test_a_loss_that_is_no_number_ends_the_run(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.nn.functional.cross_entropy", lambda logits, *_, **__: logits.sum() * torch.nan)
    with pytest.raises(DivergedError, match=r"became nan near step 1\. Lower learning_rate \(now 0\.005\)"):
        start_run(tiny_config(), store, ignore)
    assert only_run(store).status.state == "failed"


def test_a_gradient_that_is_no_number_ends_the_run(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the square root of 0 is 0, its derivative is infinite
    monkeypatch.setattr("torch.nn.functional.cross_entropy", lambda logits, *_, **__: (logits.sum() * 0).sqrt())
    with pytest.raises(DivergedError, match="norm of the gradient"):
        start_run(tiny_config(), store, ignore)
    assert only_run(store).status.state == "failed"


@pytest.mark.parametrize("size", [800, 1_500, 2_500, 60_000, 200_000])
def test_a_disk_that_fills_up_ends_the_run(size: int, tiny_config: MakeConfig, store: RunStore) -> None:
    run = store.create(tiny_config())
    with largest_file(size), pytest.raises(StorageError, match="disk is full"):
        carry_out(run, ignore)
    assert only_run(store).status.state == "failed"
    assert "disk is full" in run.status.message


def test_an_adapter_that_cannot_be_written_ends_the_run(tiny_config: MakeConfig, store: RunStore) -> None:
    with ExitStack() as stack, pytest.raises(StorageError, match="disk is full"):
        start_run(
            tiny_config(), store, when(lambda: stack.enter_context(largest_file(60_000)), "phase", phase="saving")
        )
    assert only_run(store).status.state == "failed"
    assert not only_run(store).adapter_dir.exists()


def test_a_disk_that_takes_nothing_more_leaves_the_run_as_it_was(tiny_config: MakeConfig, store: RunStore) -> None:
    with ExitStack() as stack, pytest.raises(StorageError, match="disk is full"):
        start_run(tiny_config(), store, when(lambda: stack.enter_context(largest_file(0)), "step"))
    assert only_run(store).status.phase == "training"


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "finished"])
def test_a_run_that_has_nothing_left_to_do_is_not_resumed(state: str, tiny_config: MakeConfig, store: RunStore) -> None:
    run = store.create(tiny_config())
    run.claim()
    run.set_status(state=state)
    with pytest.raises(RunError, match=f"Run {run.id} is {state}; only an interrupted or failed run can be resumed"):
        resume_run(run.id, store, ignore)


def test_a_failed_run_can_be_resumed(tiny_config: MakeConfig, store: RunStore) -> None:
    with pytest.raises(RunFailure):
        start_run(tiny_config(), store, when(throw(ValueError()), "step", step=5))
    run = only_run(store)
    with pytest.raises(KeyboardInterrupt):
        resume_run(run.id, store, when(throw(KeyboardInterrupt()), "resumed", step=4))
    assert run.status.state == "interrupted"


def test_a_resumed_run_that_is_stopped_while_loading_keeps_what_it_had_learned(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(), store, when(throw(KeyboardInterrupt()), "step", step=5))
    run = only_run(store)
    resume_run(run.id, store, when(lambda: run.request("stop"), "phase", phase="loading"))
    assert run.status.state == "stopped"
    assert (run.result or {})["steps"] == 5


@pytest.mark.parametrize("phase", ["saving", "verifying"])
def test_a_stop_after_training_lets_the_run_finish(phase: str, tiny_config: MakeConfig, store: RunStore) -> None:
    ask = when(lambda: only_run(store).request("stop"), "phase", phase=phase)
    run = start_run(tiny_config(num_train_epochs=1), store, ask)
    assert run.status.state == "finished"
    assert (run.result or {})["stopped_early"] is False


@pytest.mark.parametrize(("setting", "status", "words"), [({}, 0, ""), ({"base_model": "none"}, 2, "none")])
def test_a_run_handed_over_ends_with_an_exit_status(
    setting: dict[str, Any],
    status: int,
    words: str,
    tiny_config: MakeConfig,
    store: RunStore,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = store.create(tiny_config(num_train_epochs=1, **setting))
    run.hand_over(os.getpid())
    assert main(str(run.path)) == status
    assert run.status.state == ("failed" if status else "finished")
    assert words in capsys.readouterr().err


def test_a_stop_asked_for_while_its_process_started_ends_the_run(tiny_config: MakeConfig, store: RunStore) -> None:
    run = store.create(tiny_config())
    run.hand_over(os.getpid())
    run.request("stop")
    assert main(str(run.path)) == 0
    assert (run.status.state, run.result) == ("stopped", None)


def test_a_run_handed_to_another_process_is_left_to_it(
    tiny_config: MakeConfig, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    run = store.create(tiny_config())
    run.hand_over(os.getppid())
    assert main(str(run.path)) == 2
    assert "already running in another process" in capsys.readouterr().err
    assert run.status.pid == os.getppid()


def test_a_folder_that_is_no_run_is_refused(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(store.folder / "nobody")) == 2
    assert "There is no run 'nobody'" in capsys.readouterr().err


def test_a_process_waits_until_the_run_is_handed_over_to_it(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork begins before the queue has written whose the run is; both would write its status at once."""
    run = store.create(tiny_config())
    polls: list[float] = []

    def hand_over_at_the_third(seconds: float) -> None:
        polls.append(seconds)
        if len(polls) == 3:
            run.hand_over(os.getpid())

    monkeypatch.setattr("qlora_core.training.run_process.time.sleep", hand_over_at_the_third)
    await_hand_over(run)
    assert len(polls) == 3


def test_a_run_that_nobody_hands_over_is_not_waited_for_long(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.create(tiny_config())
    monkeypatch.setattr("qlora_core.training.run_process.HAND_OVER_SECONDS", 0.02)
    await_hand_over(run)
    assert run.status.pid is None
