"""One server of the page, in a process of its own, on a store of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import free_port
from tests.hostile import leaks
from tests.page.pretended_run import hold

ROOT = Path(__file__).resolve().parent.parent.parent
OWNER_KEY = "the-owner-of-this-server"
#: What Python is to run: a server whose runs only pretend, and the product itself.
PRETENDING, REAL = ("-m", "tests.page.pretending_server"), (str(ROOT / "app.py"),)
#: Long enough for a busy two-core machine; a test that works waits a small part of it.
PATIENCE = 240.0
#: A real run on the packaged model that takes about half a minute.
SMALL = {
    "max_train_samples": 48,
    "max_eval_samples": 32,
    "num_train_epochs": 2,
    "train_batch_size": 8,
    "max_length": 48,
    "bootstrap_samples": 100,
}


def until(condition: Callable[[], Any], words: str, seconds: float = PATIENCE) -> Any:
    """Wait until ``condition`` gives something true, and give that back."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"Not within {seconds:.0f} s: {words}")


@dataclass
class Server:
    """``python app.py``, or the like of it whose runs only pretend, on a store of its own."""

    runs_dir: Path
    program: tuple[str, ...] = PRETENDING
    port: int = field(default_factory=free_port)
    threads: int | None = 1  #: of a run; None for as many as the machine has cores
    variables: dict[str, str] = field(default_factory=dict)  #: what else its environment holds
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def store(self) -> RunStore:
        """Its runs."""
        return RunStore(self.runs_dir)

    @property
    def log(self) -> str:
        """What it printed."""
        return (self.runs_dir.parent / "server.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it and wait until the page is served."""
        environment = {
            **os.environ,
            "GRADIO_SERVER_PORT": str(self.port),
            "QLORA_RUNS_DIR": str(self.runs_dir),
            "QLORA_OWNER_KEY": OWNER_KEY,
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(ROOT),
            **self.variables,
        }
        environment.pop("OMP_NUM_THREADS", None)
        if self.threads is not None:
            environment["OMP_NUM_THREADS"] = str(self.threads)
        self.runs_dir.parent.mkdir(parents=True, exist_ok=True)
        with (self.runs_dir.parent / "server.log").open("ab") as log:
            command = [sys.executable, *self.program]
            self.process = subprocess.Popen(command, cwd=self.runs_dir.parent, env=environment, stdout=log, stderr=log)
        until(self._answers, "the page is served")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal and wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def run(self, run_id: str) -> Run:
        """One of its runs."""
        return self.store.open(run_id)

    def leaks(self, text: str) -> list[str]:
        """What an answer tells of the machine, of this server's folder and its owner's key."""
        return leaks(text, str(self.runs_dir.parent), OWNER_KEY)

    @contextmanager
    def holding(self, phase: str) -> Iterator[Callable[[], None]]:
        """Its pretended runs stay in a phase, until the function that is given is called."""
        path = hold(self.store, phase)
        path.touch()

        def let_go() -> None:
            path.unlink(missing_ok=True)

        try:
            yield let_go
        finally:
            let_go()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            with urlopen(self.url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
