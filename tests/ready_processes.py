"""Processes that have the heavy libraries from their first moment: forked off one that imported them, once.

A process that imports torch and its kin anew costs eight seconds. These are as separate from the test as any other:
they can be killed, run out of memory, and end with a status; only the import is behind them.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from qlora_core.cli.main import main

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.ready_processes", "qlora_core.training.run_process"])


def start_process(
    target: Callable[..., object], *arguments: object, output: Path, **variables: str
) -> ForkServerProcess:
    """Call ``target`` in a new process, whose status it returns and whose stdout and stderr go to two files.

    Args:
        output: where they begin: output.stdout and output.stderr.
        variables: of its environment.
    """
    process = CONTEXT.Process(target=_call, args=(target, arguments, output, variables))
    process.start()
    return process


def run_command(*arguments: str) -> int:
    """The command line, with these arguments."""
    return main(arguments)


def _call(
    target: Callable[..., object], arguments: tuple[object, ...], output: Path, variables: dict[str, str]
) -> None:
    for number, stream in enumerate(("stdout", "stderr"), start=1):
        with output.with_suffix(f".{stream}").open("w") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(variables)
    sys.exit(target(*arguments))  # type: ignore[arg-type]
