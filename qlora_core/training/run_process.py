"""Start or resume a run in this process, and record however it ends.

python -m qlora_core.training.run_process RUN_DIRECTORY carries out a run that a queue handed over to this process.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from accelerate.utils import broadcast_object_list

from qlora_core.config import RunConfig
from qlora_core.errors import (
    MemoryExhausted,
    QLoRAError,
    RunError,
    RunFailure,
    StorageError,
    UserError,
    is_disk_full,
    is_out_of_memory,
)
from qlora_core.language import N_, Message
from qlora_core.loans import Loan, Suspended
from qlora_core.models.device import process_state
from qlora_core.settings import read_settings
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.pipeline import execute
from qlora_core.training.reports.reporter import Listener, Reporter, StopRequested
from qlora_core.training.reports.trackers import Trackers
from qlora_core.training.start import find_run, prepare_start

HAND_OVER_SECONDS = 10.0
HAND_OVER_POLL_SECONDS = 0.01


def start_run(config: RunConfig, store: RunStore, listener: Listener, report_to: Sequence[str] = ()) -> Run:
    """Create a run and carry it out; under ``accelerate launch`` all processes share the one run.

    Raises:
        UserError, RunFailure: it could not be carried out; the run in the store says why.
        KeyboardInterrupt: it was interrupted, and can be resumed.
    """
    state = process_state()
    run_id = [_create(config, store).id if state.is_main_process else ""]
    if state.num_processes > 1:
        broadcast_object_list(run_id)
    return carry_out(store.open(run_id[0]), listener, report_to=report_to)


def _create(config: RunConfig, store: RunStore) -> Run:
    fill = prepare_start(config, lambda run_id: find_run(run_id, store))
    return store.create(config, worker=os.getpid(), fill=fill)


def resume_run(run_id: str, store: RunStore, listener: Listener, report_to: Sequence[str] = ()) -> Run:
    """Go on with an interrupted or failed run from its last checkpoint, or start one that waits.

    Raises:
        RunError: there is no such run, or it is not in a state to be resumed.
    """
    run = store.open(run_id)
    # Of several processes the main one alone looks: it may have claimed the run before the others come to it.
    if process_state().is_main_process and not (run.status.is_resumable or run.status.is_waiting):
        raise RunError(
            N_("Run {run} is {state}; only an interrupted or failed run can be resumed."),
            run=run_id,
            state=run.status.in_words,
        )
    return carry_out(run, listener, report_to=report_to)


def carry_out(run: Run, listener: Listener, loan: Loan | None = None, *, report_to: Sequence[str] = ()) -> Run:
    """Execute ``run`` and write into its status how it ended.

    Args:
        loan: that of the GPU, where it is borrowed: the run ends in time, with a checkpoint.
        report_to: which trackers are told of it, see ``trackers``.

    Raises:
        UserError, RunFailure: it could not be carried out; the run in the store says why.
        KeyboardInterrupt: it was interrupted, by Ctrl-C or SIGTERM, and can be resumed.
    """
    state = process_state()
    if state.is_main_process:
        run.claim()
    alone = state.num_processes == 1
    trackers = Trackers(run, report_to if state.is_main_process else (), listener)
    reporter = Reporter(run, trackers, is_main_process=state.is_main_process, alone=alone, loan=loan)
    # Python hands signals to the main thread alone; a run in another one is ended by its loan
    numbers = (signal.SIGINT, signal.SIGTERM) if current_thread() is main_thread() else ()
    handlers_before = {number: signal.signal(number, reporter.interrupt) for number in numbers}
    try:
        execute(run, reporter)
    except Suspended:
        reporter.end_loan()
    except StopRequested:
        reporter.end("stopped", N_("Stopped before training began; nothing was learned yet."))
    except KeyboardInterrupt as interrupt:
        message = Message(N_("Interrupted. Go on from the last checkpoint with --resume {run}."), {"run": run.id})
        reporter.end("interrupted", message)
        raise KeyboardInterrupt(message.in_english()) from interrupt
    except Exception as error:
        failure = explain(error)
        reporter.end("failed", failure.message, error=type(failure).__name__, traceback=traceback.format_exc())
        raise failure from error
    finally:
        for number, handler in handlers_before.items():
            signal.signal(number, handler)
        trackers.close()
    return run


def explain(error: Exception) -> QLoRAError:
    """An error in words a visitor can act on; errors of this package already are."""
    if isinstance(error, QLoRAError):
        return error
    if is_out_of_memory(error):
        return MemoryExhausted(
            N_("The machine ran out of memory. Lower train_batch_size, eval_batch_size or max_length.")
        )
    if is_disk_full(error):
        return StorageError(N_("The disk is full. Free some space, then resume the run."))
    return RunFailure(
        N_("The run ended with an unexpected {kind}: {error}"), kind=type(error).__name__, error=str(error)[:300]
    )


def main(run_directory: str) -> int:
    """Carry out the run in ``run_directory``; how it ended is in its status, and in the exit status 0, 1 or 2."""
    path = Path(run_directory)
    try:
        carry_out(RunStore(path.parent).open(path.name), _ignore, report_to=read_settings().report_to)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except (RunFailure, KeyboardInterrupt) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _ignore(kind: str, fields: dict[str, Any]) -> None:
    """Nobody listens: the run is followed in the store."""
    del kind, fields


def await_hand_over(run: Run) -> None:
    """Wait a moment until the queue has handed the run over to this process: a fork begins sooner than that.

    Both would write the run's status otherwise. A run that nobody hands over is claimed afterwards.
    """
    deadline = time.monotonic() + HAND_OVER_SECONDS
    with suppress(RunError):  # one that cannot be read is refused in a moment
        while run.status.pid != os.getpid() and time.monotonic() < deadline:
            time.sleep(HAND_OVER_POLL_SECONDS)


if __name__ == "__main__":
    await_hand_over(Run(Path(sys.argv[1])))
    sys.exit(main(sys.argv[1]))
