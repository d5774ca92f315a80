"""Work on a run in a process of its own, for a page that waits for it and is to import no torch.

The process gets its request as one line of JSON on its input, which stays open as long as it is wanted, and answers in
lines of JSON. So what it is asked with, such as a token, stands in no command line, environment or file.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import IO, Any

from qlora_core.child_process import child_environment, end_with_parent, module_command
from qlora_core.errors import HubError, HubProblem, QLoRAError, RunFailure, UserError

log = logging.getLogger(__name__)

NICENESS = 5  # somebody waits for it, but everybody waits for the page
MAX_LOGGED = 2000
#: A token of the server's own account is nothing for a visitor's request.
OWNERS_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
Listener = Callable[[str, dict[str, Any]], None]  #: takes a phase or a progress, as a run's listeners do
Request = dict[str, Any]


def ask(
    program: str, request: Request, listener: Listener, seconds: float, *, secret: str = "", folder: Path | None = None
) -> dict[str, Any]:
    """What ``program``, a module that calls ``answer`` with its function ``work``, makes of a request.

    Args:
        listener: is told what it does and how far it has come.
        seconds: it may take at most.
        folder: where its temporary files lie; they are gone afterwards, however it ends.
        secret: a part of the request that is not to get into the log, whatever the process prints.

    Raises:
        UserError: it was refused, and why.
        RunFailure: it failed, or took too long.
    """
    with (
        tempfile.TemporaryDirectory(dir=folder) as temporary,
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            module_command(program),
            env=_environment(temporary),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        timer = Timer(seconds, process.kill)
        timer.daemon = True
        timer.start()
        try:
            answered = _converse(process, request, listener)
        finally:
            timed_out = not timer.is_alive()
            timer.cancel()
            process.kill()
            process.wait()
        if answered is None:
            raise _failure(program, errors, secret, timed_out=timed_out)
        return answered


def _environment(temporary: str) -> dict[str, str]:
    environment = child_environment(TMPDIR=temporary)
    return {name: value for name, value in environment.items() if name not in OWNERS_TOKENS}


def _converse(process: "subprocess.Popen[str]", request: Request, listener: Listener) -> dict[str, Any] | None:
    """Its answer; None where it ended without one."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    for line in process.stdout:
        said = json.loads(line)
        if "refused" in said:
            raise _refusal(said)
        if "answer" in said:
            answer: dict[str, Any] = said["answer"]
            return answer
        listener(said["kind"], said["fields"])
    return None


def _refusal(said: dict[str, Any]) -> QLoRAError:
    if said["problem"]:
        return HubError(said["refused"], HubProblem(said["problem"]))
    return UserError(said["refused"])


def _failure(program: str, errors: IO[bytes], secret: str, *, timed_out: bool) -> RunFailure:
    if timed_out:
        return RunFailure("It took too long and was given up. Try again later.")
    errors.seek(0)
    printed = errors.read().decode("utf-8", "replace")
    log.warning(
        "%s ended without an answer: %s", program, (printed.replace(secret, "...") if secret else printed)[-MAX_LOGGED:]
    )
    return RunFailure("It could not be done; the server's log says why. Try again later.")


def answer(work: Callable[[Request, Listener], dict[str, Any]]) -> None:
    """In the process: read the request, do the work, and tell how it goes; it ends with the process that asked."""
    os.nice(NICENESS)
    request = json.loads(sys.stdin.readline())
    end_with_parent()
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no line of ours

    def tell(value: dict[str, Any]) -> None:
        print(json.dumps(value), file=lines, flush=True)

    try:
        done = work(request, lambda kind, fields: tell({"kind": kind, "fields": fields}))
    except QLoRAError as error:
        problem = error.problem if isinstance(error, HubError) else ""
        tell({"refused": str(error), "problem": problem})
    else:
        tell({"answer": done})
