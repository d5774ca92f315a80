"""Work in a process of its own, for a page that waits for it and is to import no torch.

The process gets its request as one line of JSON over a socket, which stays open as long as the work is wanted, and
answers over it in lines of JSON. So what it is asked with, such as a token, stands in no command line, environment or
file. Where the libraries are loaded already, it is a fork of the process that has them; a visitor's file is read with
a bound on memory, so that one made to do harm can harm nothing else.
"""

import json
import logging
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Timer
from typing import IO, Any

from qlora_core.child_process import child_environment, end_with_parent, limit_memory
from qlora_core.errors import QLoRAError, RunFailure
from qlora_core.language import MESSAGE, N_, Message
from qlora_core.server.answering.questions import Failure
from qlora_core.server.processes.forking import ForkedProcess, ForkServer, start_program

log = logging.getLogger(__name__)

MAX_LOGGED = 2000
ENDING_SECONDS = 5.0
MAX_LINE_BYTES = 50_000_000
#: A token of the server's own account is nothing for a visitor's request.
OWNERS_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
#: Takes a phase or a progress, as a run's listeners do; the ``message`` of a phase is a text or a ``Message``.
Listener = Callable[[str, dict[str, Any]], None]
Request = dict[str, Any]

TOO_SLOW = N_("It took too long and was given up. Try again later.")
NO_MEMORY = N_("It takes more memory than there is for it. Try again later.")
FAILED = N_("It could not be done; the server's log says why. Try again later.")


@dataclass(frozen=True)
class Ends:
    """What is said where a process ends without an answer, and as which error."""

    too_slow: str | Message = TOO_SLOW
    no_memory: str = NO_MEMORY
    failed: str = FAILED
    kind: type[QLoRAError] = RunFailure


USUAL_ENDS = Ends()


def unheard(kind: str, fields: dict[str, Any]) -> None:
    """Nobody follows how it goes."""
    del kind, fields


def ask(
    program: str,
    request: Request,
    listener: Listener = unheard,
    *,
    seconds: float,
    ends: Ends = USUAL_ENDS,
    fork_server: ForkServer | None = None,
    secret: str = "",
    folder: Path | None = None,
) -> Any:
    """What ``program``, a module that calls ``answer`` with its function ``work``, makes of a request.

    Args:
        listener: is told what it does and how far it has come.
        seconds: it may take at most.
        fork_server: makes the process, where it can; its environment is that server's.
        secret: a part of the request that is not to get into the log, whatever the process prints.
        folder: where its temporary files lie; they are gone afterwards, however it ends.

    Raises:
        QLoRAError: it was refused, and why, as the process raised it; or, as ``ends`` has it, it gave no answer.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary, tempfile.TemporaryFile() as printed:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = _start(program, fork_server, theirs, printed, temporary)
            late = Event()
            timer = Timer(seconds, _end, (process, late))
            timer.daemon = True
            timer.start()
            try:
                said = _converse(ours, {"temporary": temporary, "request": request}, listener)
                status = 0 if said else _ended(process)
            finally:
                timer.cancel()
                process.kill()
                process.wait()
        if "failure" in said:
            raise Failure.model_validate(said["failure"]).as_error()
        if "answer" in said:
            return said["answer"]
        if late.is_set():
            raise ends.kind(ends.too_slow)
        if "no_memory" in said:
            raise ends.kind(ends.no_memory)
        raise _no_answer(program, ends, status, printed, secret)


def _end(process: "ForkedProcess | subprocess.Popen[bytes]", late: Event) -> None:
    late.set()
    process.kill()


def _start(
    program: str, fork_server: ForkServer | None, channel: socket.socket, printed: IO[bytes], temporary: str
) -> "ForkedProcess | subprocess.Popen[bytes]":
    own = {name: value for name, value in child_environment(TMPDIR=temporary).items() if name not in OWNERS_TOKENS}
    return start_program(fork_server, program, output=printed, channel=channel, environment=own)


def _converse(channel: socket.socket, asked: dict[str, Any], listener: Listener) -> dict[str, Any]:
    """The last thing that the process says; nothing where it ended without an answer."""
    with suppress(BrokenPipeError, ConnectionResetError), channel.makefile("rb") as lines:
        channel.sendall(json.dumps(asked).encode() + b"\n")
        while (line := lines.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            said: dict[str, Any] = json.loads(line)
            if "kind" not in said:
                return said
            listener(said["kind"], _heard(said["fields"]))
    return {}


def _heard(fields: dict[str, Any]) -> dict[str, Any]:
    """What a process tells its listener, its message as it was before it came over the socket."""
    message = fields.get("message")
    return {**fields, "message": MESSAGE.validate_python(message)} if isinstance(message, dict) else fields


def _ended(process: "ForkedProcess | subprocess.Popen[bytes]") -> int:
    """The status of a process that has said its last."""
    try:
        return process.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _no_answer(program: str, ends: Ends, status: int, printed: IO[bytes], secret: str) -> QLoRAError:
    printed.seek(0)
    text = printed.read().decode("utf-8", "replace")
    log.warning(
        "%s ended without an answer: %s", program, (text.replace(secret, "...") if secret else text)[-MAX_LOGGED:]
    )
    return ends.kind(ends.no_memory if status < 0 else ends.failed)  # what cannot even be told ends it without a word


def answer(work: Callable[[Request, Listener], Any], *, max_bytes: int | None = None) -> None:
    """In the process: read the request, do the work, and tell how it goes; it ends with the process that asked.

    Args:
        work: takes the request and a listener; what it returns has to be JSON.
        max_bytes: what it may take beside the libraries.
    """
    if max_bytes is not None:
        limit_memory(max_bytes)
    channel = socket.socket(fileno=os.dup(0))
    with channel.makefile("rb") as lines:
        asked = json.loads(lines.readline())
    tempfile.tempdir = os.environ["TMPDIR"] = asked["temporary"]
    for name in OWNERS_TOKENS:
        os.environ.pop(name, None)
    end_with_parent()

    def tell(value: dict[str, Any]) -> None:
        channel.sendall(json.dumps(value, default=partial(MESSAGE.dump_python, mode="json")).encode() + b"\n")

    try:
        done = work(asked["request"], lambda kind, fields: tell({"kind": kind, "fields": fields}))
    except QLoRAError as error:
        tell({"failure": Failure.of(error).model_dump(mode="json")})
    except MemoryError:
        tell({"no_memory": True})
    else:
        tell({"answer": done})
