"""Start or resume a run in this process, and record however it ends: this is the worker's edge."""

import errno
import signal
import traceback
from types import FrameType

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from qlora_core.config import RunConfig
from qlora_core.errors import MemoryExhausted, QLoRAError, RunError, RunFailure, StorageError
from qlora_core.journal import Journal, Listener, StopRequested
from qlora_core.run_store import Run, RunStore
from qlora_core.worker import execute

RESUMABLE_STATES = ("interrupted", "failed")


def start_run(config: RunConfig, store: RunStore, listener: Listener) -> Run:
    """Create a run and carry it out; under ``accelerate launch`` all processes share the one run.

    Raises:
        UserError, RunFailure: it could not be carried out; the run in the store says why.
        KeyboardInterrupt: it was interrupted, and can be resumed.
    """
    state = PartialState()
    run_id = [store.create(config).id if state.is_main_process else ""]
    if state.num_processes > 1:
        broadcast_object_list(run_id)
    return carry_out(store.open(run_id[0]), listener)


def resume_run(run_id: str, store: RunStore, listener: Listener) -> Run:
    """Go on with an interrupted or failed run from its last checkpoint.

    Raises:
        RunError: there is no such run, or it is not in a state to be resumed.
    """
    run = store.open(run_id)
    if run.status.state not in RESUMABLE_STATES:
        raise RunError(f"Run {run_id} is {run.status.state}; only an interrupted or failed run can be resumed.")
    return carry_out(run, listener)


def carry_out(run: Run, listener: Listener) -> Run:
    """Execute ``run`` and write into its status how it ended."""
    state = PartialState()
    if state.is_main_process:
        run.claim()
    journal = Journal(run, listener, is_main_process=state.is_main_process, alone=state.num_processes == 1)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        execute(run, journal)
    except StopRequested:
        journal.end("stopped", "Stopped before training began; nothing was learned yet.")
    except KeyboardInterrupt:
        journal.end("interrupted", f"Interrupted. Go on from the last checkpoint with --resume {run.id}.")
        raise
    except Exception as error:
        failure = explain(error)
        journal.end("failed", str(failure), traceback=traceback.format_exc())
        raise failure from error
    return run


def explain(error: Exception) -> QLoRAError:
    """An error in words a visitor can act on; errors of this package already are."""
    if isinstance(error, QLoRAError):
        return error
    out_of_memory = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)
    if out_of_memory:
        return MemoryExhausted("The machine ran out of memory. Lower train_batch_size, eval_batch_size or max_length.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("The disk is full. Free some space, then resume the run.")
    return RunFailure(f"The run ended with an unexpected {type(error).__name__}: {str(error)[:300]}")


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does: recorded, and able to go on from its checkpoint."""
    del signal_number, frame
    raise KeyboardInterrupt
