"""Which requests reach the page: by its own names, and from its own pages."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from qlora_core.settings import Settings
from qlora_core.ui.web.hosts import FORBIDDEN, HEADERS, MISDIRECTED, OwnPagesOnly, hosts_of

LOCAL = Settings()
OPEN = Settings(server_name="0.0.0.0")
PROXIED = Settings(allowed_hosts=("example.org",))
SPACE = Settings(server_name="0.0.0.0", space_host=("user-space.hf.space", "own.example"))
Ask = Callable[..., int]


def client(settings: Settings) -> TestClient:
    """Sends requests to an application that answers all that reach it."""

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.method)

    async def accept(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    routes = [Route("/", answer, methods=["GET", "POST", "DELETE"]), WebSocketRoute("/socket", accept)]
    guard = Middleware(OwnPagesOnly, hosts=hosts_of(settings))
    return TestClient(Starlette(routes=routes, middleware=[guard]))


def status(settings: Settings, method: str = "GET", **headers: str) -> int:
    """How a request is answered."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client(settings).request(method, "/", headers=named).status_code


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        (LOCAL, "localhost:7860"),
        (LOCAL, "LOCALHOST"),
        (LOCAL, "127.0.0.1:7860"),
        (LOCAL, "[::1]:7860"),
        (OPEN, "192.168.1.5:7860"),
        (OPEN, "[fe80::1]"),
        (PROXIED, "example.org"),
        (PROXIED, "Example.org:8443"),
        (Settings(server_name="teacher.local"), "teacher.local:7860"),
        (Settings(root_path="https://example.org/qlora"), "example.org"),
        (SPACE, "user-space.hf.space"),
        (SPACE, "a-router-of-its-own.internal:7860"),
    ],
)
def test_a_name_of_its_own_is_answered(settings: Settings, host: str) -> None:
    assert status(settings, host=host) == 200


@pytest.mark.parametrize("settings", [LOCAL, OPEN, PROXIED])
@pytest.mark.parametrize(
    "host",
    ["evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "example.org.", "0x7f.1", "a b", "", "[",
     "<script>", "localhost:7860@evil.example", "x" * 5000, "user-space.hf.space"],
)  # fmt: skip
def test_another_name_is_not(settings: Settings, host: str) -> None:
    answer = client(settings).get("/", headers={"host": host})
    assert answer.status_code == MISDIRECTED
    assert answer.text.startswith("This server does not go by")
    assert "QLORA_ALLOWED_HOSTS" in answer.text
    assert "<" not in answer.text
    assert len(answer.text) < 400


@pytest.mark.parametrize(("name", "expected"), [("example.org", 200), ("evil.example", 421), ("example.org, x", 200)])
def test_what_a_proxy_says_is_held_to_the_same_names(name: str, expected: int) -> None:
    assert status(PROXIED, host="127.0.0.1:7860", x_forwarded_host=name) == expected


OWN = [
    (LOCAL, "localhost:7860", "http://localhost:7860"),
    (LOCAL, "localhost", "http://localhost"),
    (OPEN, "192.168.1.5:7860", "http://192.168.1.5:7860"),
    (OPEN, "[fe80::1]:7860", "http://[FE80::1]:7860"),
    (PROXIED, "example.org", "https://example.org"),
    (PROXIED, "example.org", "https://example.org:8443"),
    (PROXIED, "127.0.0.1:7860", "https://example.org"),
    (SPACE, "user-space.hf.space", "https://user-space.hf.space"),
    (SPACE, "10.0.0.7:7860", "https://own.example"),
]
FOREIGN = [
    (LOCAL, "localhost:7860", "https://evil.example"),
    (LOCAL, "localhost:7860", "http://localhost:3000"),
    (LOCAL, "localhost:7860", "null"),
    (LOCAL, "localhost:7860", "http://127.0.0.1:7860"),
    (OPEN, "192.168.1.5:7860", "http://192.168.1.6:7860"),
    (OPEN, "192.168.1.5:7860", "http://192.168.1.5"),
    (PROXIED, "example.org", "https://example.org.evil.example"),
    (PROXIED, "example.org", "file://example.org"),
    (PROXIED, "example.org", "https://[example.org"),
    (SPACE, "user-space.hf.space", "https://evil.hf.space"),
    (SPACE, "user-space.hf.space", "https://huggingface.co"),
]


@pytest.mark.parametrize(("settings", "host", "origin"), OWN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_its_own_page_may_write(settings: Settings, host: str, origin: str, method: str) -> None:
    assert status(settings, method, host=host, origin=origin, sec_fetch_site="same-origin") == 200


@pytest.mark.parametrize(("settings", "host", "origin"), FOREIGN)
def test_a_foreign_page_may_not_write_and_reads_on_a_space_at_most(settings: Settings, host: str, origin: str) -> None:
    assert status(settings, "POST", host=host, origin=origin) == FORBIDDEN
    assert status(settings, "DELETE", host=host, origin=origin) == FORBIDDEN
    assert status(settings, host=host, origin=origin) == (200 if settings is SPACE else FORBIDDEN)


def test_a_foreign_page_cannot_pass_for_a_proxy() -> None:
    forged = {"host": "192.168.1.5:7860", "origin": "http://6.6.6.6", "x_forwarded_host": "6.6.6.6"}
    assert status(OPEN, "POST", **forged) == FORBIDDEN


@pytest.mark.parametrize(("method", "expected"), [("GET", 200), ("POST", FORBIDDEN)])
def test_a_browser_that_names_no_page_still_says_that_it_is_another(method: str, expected: int) -> None:
    assert status(LOCAL, method, host="localhost", sec_fetch_site="cross-site") == expected


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_says_nothing_of_a_page_and_is_answered(method: str) -> None:
    assert status(LOCAL, method, host="localhost:7860") == 200


@pytest.mark.parametrize(("host", "origin"), [("evil.example", ""), ("localhost", "https://evil.example")])
def test_a_web_socket_is_held_to_the_same(host: str, origin: str) -> None:
    headers = {"host": host} | ({"origin": origin} if origin else {})
    with pytest.raises(WebSocketDisconnect), client(LOCAL).websocket_connect("/socket", headers=headers):
        pass
    with client(LOCAL).websocket_connect("/socket", headers={"host": "localhost", "origin": "http://localhost"}):
        pass


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_says_what_a_browser_must_not_do_with_it(host: str) -> None:
    answer = client(LOCAL).get("/", headers={"host": host})
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "x-frame-options" not in answer.headers
    assert "frame-ancestors" not in answer.headers["content-security-policy"]
