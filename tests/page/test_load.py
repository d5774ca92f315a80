"""A server that has more connections than fit: those who look at the page are answered, and the log says it once."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from benchmarks.watching import Viewer
from qlora_core.ui.web.connections import SHARE
from tests.page.server import OWNER_KEY, PATIENCE, Server, until

HANDLES, SILENT = 512, 700
#: Ways to Gradio's own part of the server.
GRADIOS = ("component_server", "queue/join", "run/control_run", "call/control_run")
FEW_HANDLES = (
    "-c",
    f"import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, ({HANDLES}, {HANDLES})); "
    "runpy.run_module('tests.page.pretending_server', run_name='__main__')",
)


@pytest.fixture(scope="module")
def small(make_server: Callable[..., Server]) -> Server:
    """A server with few file handles."""
    return make_server(FEW_HANDLES)


@pytest.fixture
def silent(small: Server) -> Iterator[ExitStack]:
    """More connections than it has handles, on which nothing is said."""
    host = urlsplit(small.url)
    with ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(socket.create_connection((host.hostname, host.port), timeout=PATIENCE))
        yield stack


def is_answered(url: str, run_id: str) -> bool:
    """Whether a visitor is answered; like a browser, who asks again where the connection was closed."""
    viewer = Viewer(url, run_id)
    try:
        return bool(viewer.poll())
    except ConnectionError:
        return False
    finally:
        viewer.close()


def test_silent_connections_shut_nobody_out_and_are_said_once(
    small: Server, recorded: str, request: pytest.FixtureRequest
) -> None:
    viewer = Viewer(small.url, recorded)
    viewer.poll()
    request.getfixturevalue("silent")
    viewer.close()
    for _ in range(3):
        until(lambda: is_answered(small.url, recorded), "an answer")
        with urlopen(small.url, timeout=PATIENCE) as page:
            assert page.status == 200
    said = until(lambda: [line for line in small.log.splitlines() if "connections" in line], "a word in the log")
    assert len(said) == 1
    assert f"the {HANDLES // SHARE} that fit" in said[0]
    assert "Traceback" not in small.log
    assert "accept" not in small.log


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"secret": "my-own-secret"}, "component_id": "my-own-secret", "fn_name": "claim", "session_hash": "x"},
        {"data": {"secret": "my-own-secret"}, "component_id": 10**9, "fn_name": "claim", "session_hash": "x"},
        {"data": {"secret": "my-own-secret"}},
        ["my-own-secret"],
    ],
    ids=["wrong type", "no such component", "too little", "a list"],
)
def test_a_malformed_request_leaves_no_secret_in_the_log(body: object, server: Server) -> None:
    headers = {"Content-Type": "application/json", "Cookie": "my-own-secret"}
    for path in ("live/news", "class/judge", *(f"gradio_api/{name}" for name in GRADIOS)):
        with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)) as connection:
            connection.request("POST", f"/{path}", json.dumps(body), headers)
            assert connection.getresponse().status in (200, 400, 404, 422, 500)
    assert "my-own-secret" not in server.log
    assert OWNER_KEY not in server.log
