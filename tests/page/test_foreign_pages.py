"""What another site's page can make a browser send to the running server, over raw HTTP."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from benchmarks.watching import components
from tests.page.server import PATIENCE, Server

REBOUND = {"Host": "evil.example:7860", "Origin": "http://evil.example:7860", "Sec-Fetch-Site": "same-origin"}
FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
FORM = 'multipart/form-data; boundary="b"'
FILE = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.csv"\r\n\r\na\r\n--b--\r\n'


def send(
    server: Server, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of the answer to a request that says just that."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path", ["/", "/config", "/plotly.min.js", "/gradio_api/queue/data?session_hash=x", "/no-such"]
)
def test_a_page_whose_name_was_pointed_here_gets_one_sentence(path: str, server: Server) -> None:
    status, _, text = send(server, "GET", path, REBOUND)
    assert (status, text[:26]) == (421, "This server does not go by")


@pytest.mark.parametrize("headers", [REBOUND, FOREIGN, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_a_foreign_form_leaves_no_file(headers: dict[str, str], server: Server) -> None:
    status, _, text = send(server, "POST", "/gradio_api/upload", {**headers, "Content-Type": FORM}, FILE)
    assert status in (403, 421)
    assert "x.csv" not in text


def test_the_pages_own_upload_is_taken(server: Server) -> None:
    own = {"Origin": server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin", "Content-Type": FORM}
    status, _, text = send(server, "POST", "/gradio_api/upload", own, FILE)
    assert status == 200
    assert json.loads(text)[0].endswith("x.csv")


@pytest.mark.parametrize(
    "path",
    [
        "live/news",
        "class/guess",
        "class/delete",
        *(f"gradio_api/{name}" for name in ("component_server", "queue/join", "run/start_run", "call/start_run")),
        "gradio_api/reset",
        "gradio_api/cancel",
    ],
)
def test_a_foreign_page_sends_no_command(path: str, server: Server) -> None:
    live = components(server.url)["live"]
    body = {"data": {"run": ""}, "component_id": live, "fn_name": "control", "session_hash": "x"}
    headers = {**FOREIGN, "Content-Type": "text/plain"}  # which a browser sends without asking first
    status, _, text = send(server, "POST", f"/{path}", headers, json.dumps(body).encode())
    assert (status, text[:33]) == (403, "That came from the page of anothe")


def test_no_foreign_page_may_read_an_answer(server: Server) -> None:
    for path in ("/", "/config", "/gradio_api/heartbeat/x", "/gradio_api/queue/data?session_hash=x"):
        status, headers, _ = send(server, "GET", path, FOREIGN)
        assert status == 403
        assert "evil.example" not in headers.get("access-control-allow-origin", "")


def test_a_frame_on_another_site_shows_the_page(server: Server) -> None:
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    status, headers, text = send(server, "GET", "/", {**framed, "Referer": "https://huggingface.co/spaces/a/b"})
    assert status == 200
    assert "<html" in text
    assert "x-frame-options" not in headers
    assert "frame-ancestors" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
