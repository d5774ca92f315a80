"""What is known of a run before it starts: parameters at once, time and memory where they were measured."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Event, Lock, Timer
from typing import IO, Any

from qlora_core.child_process import child_environment, module_command
from qlora_core.config import RunConfig
from qlora_core.errors import HubError, ModelError, QLoRAError, RunFailure, UserError
from qlora_core.language import MESSAGE, N_, Figure
from qlora_core.models.catalog import BaseModel, find_base_model
from qlora_core.models.parameter_counts import ParameterCounts, parameter_counts
from qlora_core.store.shared.contents import by_content

MAX_KEPT = 200
TIMEOUT_SECONDS = 120.0
PAGE_TIMEOUT_SECONDS = 300.0  #: runs may be at work, and a visitor can go on meanwhile
NICENESS = 10
FORKED = "--forked"  #: said to the program that measures
WITHOUT_A_WORD = N_(
    "Measuring ended without a word; the machine may have run out of memory. Lower train_batch_size, "
    "eval_batch_size or max_length, or choose a smaller base model."
)


class Estimates:
    """Measurements made on this machine since the server started, by configuration."""

    def __init__(
        self,
        forks: Callable[[], bool] = lambda: False,
        baselines_known: Callable[[RunConfig], bool] = lambda _: False,
    ) -> None:
        """``forks`` tells whether a run would start as a fork of a process that has the libraries loaded.

        ``baselines_known`` tells whether a run would take over its baselines from an earlier one.
        """
        self._forks, self._baselines_known = forks, baselines_known
        self._measured: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def counts(self, config: RunConfig) -> ParameterCounts | None:
        """Parameters and bytes; None where the base model is not on this machine yet."""
        try:
            return parameter_counts(config, _base_model(config.base_model).folder)
        except (ModelError, HubError):
            return None

    def known(self, config: RunConfig) -> dict[str, Any] | None:
        """The measurement for this configuration, if one was made; less where its baselines are known by now."""
        measured = self._measured.get(_key(config))
        if measured is None or not self._baselines_known(config):
            return measured
        pairs = zip(measured["seconds"], measured["baselines_seconds"], strict=True)
        return {**measured, "seconds": [round(whole - part, 1) for whole, part in pairs]}

    def measure(self, config: RunConfig) -> dict[str, Any]:
        """Measure a few batches in a process of its own, one at a time; about 20 seconds.

        Raises:
            QLoRAError: the configuration cannot be carried out here.
        """
        with self._lock:
            if _key(config) not in self._measured:
                measured = measure_cost(config, timeout=PAGE_TIMEOUT_SECONDS, forked=self._forks())
                while len(self._measured) >= MAX_KEPT:
                    del self._measured[next(iter(self._measured))]
                self._measured[_key(config)] = measured
            known = self.known(config)
            assert known is not None, "what was just measured is known"
            return known


def _key(config: RunConfig) -> str:
    """What the time and memory of all work depend on: everything but the seed, and of a file its content."""
    return by_content(config).model_copy(update={"seed": 0, "measure_baselines_again": False}).model_dump_json()


@cache
def _base_model(name: str) -> BaseModel:
    return find_base_model(name, download=False)


def measure_cost(
    config: RunConfig,
    listener: Callable[[str], None] | None = None,
    *,
    timeout: float = TIMEOUT_SECONDS,
    forked: bool = False,
) -> dict[str, Any]:
    """Measure in a process of its own what ``config`` will cost; returns an ``Estimate`` as JSON-able values.

    Args:
        listener: told each line of progress.
        timeout: seconds after which the process is ended.
        forked: the run will start as a fork, which takes no time.

    Raises:
        UserError: the run cannot be carried out as asked.
        RunFailure: measuring failed or took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, errors = Path(folder) / "config.json", Path(folder) / "errors.txt"
        path.write_text(config.model_dump_json(), encoding="utf-8")
        with errors.open("w", encoding="utf-8") as stderr:
            arguments = [str(path), *([FORKED] if forked else [])]
            code, last_line, is_late = _run_child(arguments, stderr, listener or _ignore, timeout)
        if is_late:
            raise RunFailure(
                N_(
                    "Measuring took longer than {seconds} seconds and was ended. The machine may be busy: try again "
                    "later, or start the run without an estimate."
                ),
                seconds=Figure(timeout, ".0f"),
            )
        if code != 0 or not last_line.startswith("{"):
            reason = (errors.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]
            raise _failure(code, last_line, reason)
        estimate: dict[str, Any] = json.loads(last_line)
        return estimate


def _run_child(
    arguments: list[str], stderr: IO[str], listener: Callable[[str], None], timeout: float
) -> tuple[int, str, bool]:
    """Run the program; returns its exit status, its last line, and whether it ended in time."""
    command = module_command("qlora_core.training.cost.estimate", *arguments)
    late = Event()
    line = ""
    with subprocess.Popen(
        command, env=child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as child:
        os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)  # training takes what the page leaves over; so does this
        timer = Timer(timeout, _end, (child, late))
        timer.start()
        try:
            for line in child.stdout or ():
                if not line.startswith("{"):
                    listener(line.strip())
            child.wait()
        finally:
            timer.cancel()
            if child.poll() is None:
                child.kill()
    return child.returncode, line, late.is_set()


def _end(child: "subprocess.Popen[str]", late: Event) -> None:
    late.set()
    child.kill()


def _failure(code: int, last_line: str, reason: str) -> QLoRAError:
    """What the child says, else what Python printed last; a child that was killed from outside says nothing."""
    if code in (1, 2) and last_line.startswith("{"):
        message = MESSAGE.validate_json(last_line)
        return UserError(message) if code == 2 else RunFailure(message)
    return RunFailure(reason if code == 1 and reason else WITHOUT_A_WORD)


def _ignore(line: str) -> None:
    """Nobody follows the progress."""
    del line
