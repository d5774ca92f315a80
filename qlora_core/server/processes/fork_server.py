"""A process that has imported the libraries and makes others from itself, which then need not import them.

python -m qlora_core.server.processes.fork_server FD is started by ``forking.ForkServer``, which asks through the socket
FD. Each request names a program, a module of this package, and brings its input, its output, its errors, and a socket
on which the program's process number and, later, its exit status are told. What is forked is in a session of its own:
it outlives this process, which ends when the one that asks is gone.
"""

import array
import json
import os
import runpy
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

READY = b"ready\n"
MAX_REQUEST_BYTES = 65_536
#: Standard input, output and error, and where to tell what becomes of the program.
FDS = 4


@dataclass(frozen=True)
class Program:
    """What a forked process is to become."""

    module: str
    arguments: list[str]

    def run(self) -> None:
        """As ``python -m module arguments`` would in a process that has imported nothing."""
        sys.argv = [self.module, *self.arguments]
        runpy.run_module(self.module, run_name="__main__", alter_sys=True)


@dataclass
class Forks:
    """The processes that were made and have not ended, and who wants to know of each."""

    told: dict[int, socket.socket] = field(default_factory=dict)

    def add(self, pid: int, teller: socket.socket) -> None:
        """One more."""
        self.told[pid] = teller
        _tell(teller, pid)

    def reap(self) -> None:
        """Tell the exit status of those that have ended."""
        for pid in list(self.told):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                teller = self.told.pop(pid)
                _tell(teller, os.waitstatus_to_exitcode(status))
                teller.close()


def load_libraries() -> None:
    """Import what a run imports, without touching a GPU: CUDA cannot be used in a fork of a process that used it.

    bitsandbytes asks for the GPU's abilities as it is imported. Where torch knows GPUs at all, it is left to the run,
    and with it whatever imports it.
    """
    import datasets
    import sklearn.linear_model
    import sklearn.model_selection
    import sklearn.preprocessing
    import torch
    import transformers.models.bert.modeling_bert

    del datasets, sklearn, transformers
    if torch.accelerator.current_accelerator() is None:
        import qlora_core.training.pipeline

        del qlora_core


def serve(control: socket.socket, load: Callable[[], None] = load_libraries) -> Program | None:
    """Make a process for every request, until nobody asks any more.

    Returns None in this process, and in each that was made the program that it is to become.
    """
    load()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, _wake_up)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    forks = Forks()
    try:
        control.sendall(READY)
        while True:
            asked, _, _ = select.select([control.fileno(), woken], [], [])
            if woken in asked:
                os.read(woken, 1024)
                forks.reap()
            if control.fileno() in asked:
                request, fds, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, FDS)
                if not request:
                    return None
                pid = _fork()
                if pid == 0:
                    _leave(control, woken, wake, forks, fds)
                    return Program(**json.loads(request))
                forks.add(pid, socket.socket(fileno=fds.pop()))
                for fd in fds:
                    os.close(fd)
    except (BrokenPipeError, ConnectionResetError):
        return None


def _fork() -> int:
    """The threads of this process are its libraries' (OpenBLAS, jemalloc), which see to forks themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)  # Python 3.12 and later
        return os.fork()


def _leave(control: socket.socket, woken: int, wake: int, forks: Forks, fds: list[int]) -> None:
    """Let a forked process have nothing from this one but the libraries: own session, own streams, default signals."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    *standard, _ = fds
    for number, fd in enumerate(standard):
        os.dup2(fd, number)
    for fd in (woken, wake, *fds):
        os.close(fd)
    control.close()
    for other in forks.told.values():
        other.close()


def _wake_up(number: int, frame: object) -> None:
    """Python writes to the wake-up pipe itself, if there is a handler."""
    del number, frame


def _tell(teller: socket.socket, number: int) -> None:
    try:
        teller.sendall(array.array("i", [number]).tobytes())
    except OSError:
        return  # whoever asked is gone, or does not want to know


def main(fd: int, load: Callable[[], None] = load_libraries) -> None:
    """Serve, or be what was forked."""
    program = serve(socket.socket(fileno=fd), load)
    if program is not None:
        program.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
