"""Starting programs as forks of a process that has the libraries loaded: ``fork_server`` is what runs there."""

import array
import json
import logging
import os
import select
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import IO

import psutil

from qlora_core.child_process import child_environment, module_command
from qlora_core.server.processes.fork_server import READY
from qlora_core.store.process_identity import identify, is_running

log = logging.getLogger(__name__)

COMMAND = module_command("qlora_core.server.processes.fork_server")
NICENESS = 5  # somebody may wait for what is forked, but everybody waits for the page; runs are more patient still
#: For a fork that is asked for; it takes milliseconds.
FORK_SECONDS = 10.0
POLL_SECONDS = 0.05
#: The exit status of a process whose end nobody could tell.
UNKNOWN_STATUS = -1
NUMBER_BYTES = array.array("i").itemsize


class ForkedProcess:
    """A program's process, to be handled as a ``subprocess.Popen``; it is the fork server's child, not this one's."""

    def __init__(self, pid: int, told: socket.socket) -> None:
        self.pid, self._told = pid, told
        weakref.finalize(self, told.close).atexit = False
        self.returncode: int | None = None
        try:
            self._identity = identify(pid)
        except psutil.NoSuchProcess:  # ended already; its status is told
            self._identity = ""

    def poll(self) -> int | None:
        """The exit status; None while the process is at work."""
        return self._wait(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once there is one.

        Raises:
            subprocess.TimeoutExpired: the process is still at work.
        """
        while (status := self._wait(timeout)) is None:
            if timeout is not None:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return status

    def terminate(self) -> None:
        """Ask the process to end."""
        self._act(psutil.Process.terminate)

    def kill(self) -> None:
        """End it."""
        self._act(psutil.Process.kill)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
            told = _receive_number(self._told)
            self.returncode = self._wait_unseen(timeout) if told is None else told
        return self.returncode

    def _wait_unseen(self, timeout: float | None) -> int | None:
        """Look by oneself, because the fork server has ended before its child."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while is_running(self.pid, self._identity):
            if deadline is not None and time.monotonic() >= deadline:
                return None
            time.sleep(POLL_SECONDS)
        return UNKNOWN_STATUS

    def _act(self, act: Callable[[psutil.Process], None]) -> None:
        if self.poll() is None:
            with suppress(psutil.NoSuchProcess):
                act(psutil.Process(self.pid))


class ForkServer:
    """One server's. It needs some seconds to load the libraries; until then, nothing can be forked."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = list(command)
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_ready = self._is_closed = False

    def start(self) -> None:
        """Let it begin to load; returns at once. Nothing happens where processes cannot well be forked."""
        with self._lock:
            if sys.platform == "linux" and not self._is_closed:  # macOS's own libraries do not survive a fork
                self._start()

    def close(self) -> None:
        """End it; what was forked goes on."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._give_up()

    @property
    def pid(self) -> int | None:
        """Its process; None before it was started."""
        return None if self._process is None else self._process.pid

    def is_ready(self) -> bool:
        """Whether it has loaded the libraries and can be asked."""
        with self._lock:
            return self._listens()

    def fork(
        self, module: str, *arguments: str, output: IO[bytes], channel: socket.socket | None = None
    ) -> ForkedProcess | None:
        """Run a module of this package in a fork, in a session of its own; None where that is not possible now.

        Args:
            output: what the program prints, and its errors.
            channel: its standard input; none without.
        """
        with self._lock:
            control = self._control
            if control is None or not self._listens():
                return None
            try:
                with Path(os.devnull).open("rb") as nothing:
                    streams = [(channel or nothing).fileno(), output.fileno(), output.fileno()]
                    return _ask(control, module, arguments, streams)
            except (OSError, EOFError) as error:
                self._give_up(repr(error))
                return None

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C in the server's terminal is the server's to pass on
            )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)  # what is forked is as patient

    def _listens(self) -> bool:
        if self._control is None or self._is_ready:
            return self._is_ready
        if select.select([self._control], [], [], 0)[0]:
            self._is_ready = self._control.recv(len(READY)) == READY
            if not self._is_ready:
                self._give_up("it ended while it loaded them")
        return self._is_ready

    def _give_up(self, reason: str = "") -> None:
        if reason:
            log.warning("Runs are started afresh: the process that has the libraries loaded failed (%s).", reason)
        if self._control is not None:
            self._control.close()
        self._control, self._is_ready = None, False


def start_program(
    fork_server: ForkServer | None,
    module: str,
    *arguments: str,
    output: IO[bytes],
    channel: socket.socket | None = None,
    environment: Mapping[str, str] | None = None,
) -> "ForkedProcess | subprocess.Popen[bytes]":
    """Run a module of this package in a process of its own: as a fork where that is possible now, else afresh.

    Args:
        output: what the program prints, and its errors.
        channel: its standard input; none without.
        environment: of one that is started afresh; this process's by default.
    """
    forked = fork_server.fork(module, *arguments, output=output, channel=channel) if fork_server else None
    if forked is not None:
        return forked
    started = subprocess.Popen(
        module_command(module, *arguments),
        env=child_environment() if environment is None else environment,
        stdin=subprocess.DEVNULL if channel is None else channel.fileno(),
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a Ctrl-C in the server's terminal is the server's to pass on
    )
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, started.pid, NICENESS)
    return started


def _ask(control: socket.socket, module: str, arguments: Sequence[str], streams: list[int]) -> ForkedProcess:
    request = json.dumps({"module": module, "arguments": arguments}).encode()
    told, theirs = socket.socketpair()
    with ExitStack() as on_failure:
        on_failure.callback(told.close)
        with theirs:
            socket.send_fds(control, [request], [*streams, theirs.fileno()])
        told.settimeout(FORK_SECONDS)
        pid = _receive_number(told)
        if pid is None:
            raise EOFError
        told.settimeout(None)
        on_failure.pop_all()
    return ForkedProcess(pid, told)


def _receive_number(told: socket.socket) -> int | None:
    """A process number or an exit status; None where nobody is left to tell any."""
    try:
        received = told.recv(NUMBER_BYTES, socket.MSG_WAITALL)
    except ConnectionResetError:
        return None
    return array.array("i", received)[0] if len(received) == NUMBER_BYTES else None
