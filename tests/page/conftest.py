"""The running app, as visitors meet it: in a process of its own, with a browser or a client."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, sync_playwright

from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

ROOT = Path(__file__).resolve().parent.parent.parent
OWNER_KEY = "the-owner"
CHROMIUM = "/usr/bin/chromium"
#: Long enough for a busy two-core machine; a test that works waits a small part of it.
PATIENCE = 240.0
#: A run on the packaged model that takes about half a minute.
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
    """One ``python app.py`` on a store of its own."""

    runs_dir: Path
    port: int = field(default_factory=lambda: free_port())
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
            "OMP_NUM_THREADS": "1",
        }
        self.runs_dir.parent.mkdir(parents=True, exist_ok=True)
        with (self.runs_dir.parent / "server.log").open("ab") as log:
            command = [sys.executable, str(ROOT / "app.py")]
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

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            with urlopen(self.url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Makes servers that are ended with the tests."""
    servers: list[Server] = []

    def make() -> Server:
        server = Server(tmp_path_factory.mktemp("server") / "runs")
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(make_server: Callable[[], Server]) -> Server:
    """One server for all tests that leave nothing going on behind them."""
    return make_server()


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    """Playwright, once."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    """Chromium; tests that need it are skipped where Debian's is not installed."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing; install Debian's chromium to test the page")
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@dataclass
class Visitor:
    """A browser with storage of its own, and what it has complained of."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  #: patterns of complaints that a test provokes

    def open(self, url: str) -> Page:
        """A tab on the page, ready to be used."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._look_at)
        page.goto(url)
        page.get_by_role("button", name="Start", exact=True).wait_for()
        return page

    def unexpected(self) -> list[str]:
        """Complaints that no test provoked."""
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _look_at(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.complaints.append(f"request to {request.url}")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; at the end none may have seen a console error or a request that left the machine."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitor = Visitor(browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options)))
        visitors.append(visitor)
        return visitor

    yield make
    for visitor in visitors:
        visitor.context.close()
    assert [text for visitor in visitors for text in visitor.unexpected()] == []


@pytest.fixture(scope="session")
def recorded() -> str:
    """The id of a run that can be asked: the one that comes with the program."""
    recorded = RunStore(ROOT / "assets" / "recorded_run").runs()
    assert recorded, "there is no recorded run"
    return recorded[0].id
