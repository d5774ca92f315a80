"""A run carried forward in the process that was lent a GPU: a fork of the page's, in which alone the GPU is there."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from qlora_core.errors import QLoRAError
from qlora_core.loans import Loan, LoanEnd
from qlora_core.server.processes.worker import NICENESS
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

#: So often something is yielded, which is when the lender looks whether the visitor is still there.
NEWS_SECONDS = 1.0


def carry_forward(run_directory: str, seconds: float, share: str) -> Iterator[dict[str, Any]]:
    """Carry a run out until it ends or the loan does, which it survives as a checkpoint; everything goes to its store.

    Closing the generator gives the GPU back: the checkpoint is written first.

    Args:
        seconds: how long the GPU is lent.
        share: how much of a GPU that is.

    Yields:
        about once a second, state and step: what comes back to the page is pickled, and is to be small.

    Raises:
        RunError: another process is at work on the run.
    """
    path = Path(run_directory)
    run, loan = RunStore(path.parent).open(path.name), Loan(seconds, share)
    os.nice(max(0, NICENESS - os.nice(0)))  # training takes what the page leaves over
    run.hand_over(os.getpid())
    # in a thread, because a generator that trains would be silent for as long as a pass takes
    thread = Thread(target=_carry_out, args=(run, loan), name="run")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(NEWS_SECONDS)
            yield {"state": run.status.state, "step": run.status.step}
    except GeneratorExit:
        loan.give_back(LoanEnd.LEFT)
        raise
    finally:
        thread.join()


def _carry_out(run: Run, loan: Loan) -> None:
    load_libraries()
    from qlora_core.training.run_process import carry_out

    with suppress(QLoRAError):  # its status says so
        carry_out(run, lambda *_: None, loan)


def load_libraries() -> None:
    """Import what a run needs. The page's process does so before it serves: its forks then save those seconds of every
    loan, and no fork meets a half imported module."""
    import sklearn.linear_model
    import sklearn.preprocessing

    import qlora_core.training.run_process

    del sklearn, qlora_core
