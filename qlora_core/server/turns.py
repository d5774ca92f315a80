"""Whose turn it is: who is at work and who comes next, by where the runs stand.

A run on a borrowed GPU takes no turn: it neither waits for others nor keeps them waiting.
"""

from qlora_core.errors import RunError
from qlora_core.store.run import Run
from qlora_core.store.status import Status

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
    """Those that wait, the next one first."""
    waiting = [(run, status) for run, status in statuses if status.is_waiting]
    waiting.sort(key=lambda entry: (entry[1].ticket, entry[1].queued, entry[0].id))
    return [run for run, _ in waiting]


def at_work(statuses: Statuses) -> Run | None:
    """The run that is being carried out."""
    return next((run for run, status in statuses if status.is_live), None)
