"""The running app, as visitors meet it: in a process of its own, with a browser or a client."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.page.server import PATIENCE, PRETENDING, REAL, Server
from tests.page.visitor import Visitor
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
