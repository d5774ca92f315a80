"""Which process a number stands for: numbers are used again, and clocks are set while a process runs.

psutil's ``create_time()`` moves with the wall clock, so that a worker would seem to be another process after its clock
was set. What is compared here does not move.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: Of what follows the program's name in /proc/PID/stat (proc(5), fields 3 and 22): state, and clock ticks from the
#: machine's start to the process's.
STATE, START_TICKS = 0, 19
ZOMBIE = "Z"


def identify(pid: int) -> str:
    """What a process shares with no other, neither now nor after the machine was started anew.

    Raises:
        psutil.NoSuchProcess: there is no process of that number.
    """
    if sys.platform == "linux":
        return f"{_boot_id(BOOT_ID)} {_stat(pid)[START_TICKS]}"
    return _start_as_noted(pid)


def noted(pid: int) -> dict[str, Any]:
    """What a status notes of the process that is at work.

    Raises:
        psutil.NoSuchProcess: there is no process of that number.
    """
    return {"pid": pid, "pid_identity": identify(pid), "pid_started": psutil.Process(pid).create_time()}


def is_running(pid: int, identity: str) -> bool:
    """Whether the process that was identified is at work; one that ended and was not waited for is not."""
    try:
        if sys.platform == "linux":
            stat = _stat(pid)
            return stat[STATE] != ZOMBIE and f"{_boot_id(BOOT_ID)} {stat[START_TICKS]}" == identity
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and identify(pid) == identity
    except psutil.Error:  # there is none, or it is somebody else's, which a run's never is
        return False


@cache
def _boot_id(path: Path) -> str:
    """A new one at each start of the machine; "" where the system (a sandbox, for one) tells none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """What the system says of a process behind its name, see ``START_TICKS``: everybody who watches a run asks."""
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(pid) from error
    except PermissionError as error:
        raise psutil.AccessDenied(pid) from error
    return content.rpartition(b")")[2].decode("ascii").split()  # a program's name may hold spaces and brackets


def _start_as_noted(pid: int) -> str:
    """When the process started by the clock of that moment, which macOS and the BSDs note and never change.

    ``create_time()`` moves it when the clock is set; psutil's own identity is made from the number before that.
    """
    return repr(psutil.Process(pid)._proc.create_time(monotonic=True))
