"""Whose turn it is: who is at work and who comes next, by where the runs stand.

A run on a borrowed GPU takes no turn: it neither waits for others nor keeps them waiting.
"""

import time

from qlora_core.errors import RunError
from qlora_core.store.run import Run
from qlora_core.store.status import Status

#: How long a run waits for guesses, unless whoever started it begins it before that.
HELD_SECONDS = 1800.0
Statuses = list[tuple[Run, Status]]  #: runs, and where they stood at one moment


def look(active: dict[str, Run]) -> Statuses:
    """The runs of ``active`` that wait or are at work; those that ended, were deleted or are on loan leave it.

    One that cannot be read, perhaps only for a moment, is left out and stays: it has its turn once it is repaired.
    """
    found = []
    for run in list(active.values()):
        try:
            status = run.status
            if status.is_going_on:
                _ = run.config  # nobody could look at it without
        except RunError:
            if not run.exists:
                del active[run.id]
            continue
        if status.is_going_on and not status.on_loan:
            found.append((run, status))
        else:
            del active[run.id]
    return found


def in_turn(statuses: Statuses) -> list[Run]:
    """Those that wait, the next one first.

    Of runs that were asked for together, the first takes its turn as a single run does, and the others give way: else
    whoever asks for a dozen keeps everybody else waiting.
    """
    waiting = [(run, status) for run, status in statuses if status.is_waiting]
    waiting.sort(key=lambda entry: (entry[1].round, entry[1].ticket, entry[1].queued, entry[0].id))
    return [run for run, _ in waiting]


def hold(run: Run, seconds: float) -> None:
    """Let a new run rest in the queue for so long at most; whoever started it may begin it before that."""
    run.request("pause")
    run.set_status(held_until=time.time() + seconds)


def is_ready(run: Run, held_until: float) -> bool:
    """Whether a waiting run may be started: nobody has it rest, or it rests for guesses and that time is over."""
    return run.requested() != "pause" or 0 < held_until <= time.time()


def at_work(statuses: Statuses) -> Run | None:
    """The run that is being carried out."""
    return next((run for run, status in statuses if status.is_live), None)
