"""The running app, as visitors meet it: in a process of its own, with a browser or a client."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.page.server import PATIENCE, PRETENDING, REAL, Server
from tests.page.visitor import CHROMIUM, Visitor
from tests.recorded import recorded_run

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="session")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Makes servers that are ended with the tests; their runs pretend unless the program is another."""
    servers: list[Server] = []

    def make(program: tuple[str, ...] = PRETENDING) -> Server:
        server = Server(tmp_path_factory.mktemp("server") / "runs", program)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(make_server: Callable[..., Server]) -> Server:
    """One server, whose runs only pretend, for all tests that leave nothing going on behind them."""
    return make_server()


@pytest.fixture(scope="session")
def real_server(make_server: Callable[..., Server]) -> Server:
    """``python app.py``, whose runs train."""
    return make_server(REAL)


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
    return recorded_run("standard").id
