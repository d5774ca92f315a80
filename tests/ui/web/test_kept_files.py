"""Scripts and style sheets: packed once, and nothing else is kept."""

import gzip

import brotli
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from qlora_core.ui.web import kept_files
from qlora_core.ui.web.kept import LEAST
from qlora_core.ui.web.kept_files import KeptFiles

MUCH = "const again = 1;\n" * 500


KEPT = Middleware(KeptFiles)


class Site:
    """A site that counts how often each file is read."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.client = TestClient(Starlette(routes=[Route("/{path:path}", self.file)], middleware=[KEPT]))

    async def file(self, request: Request) -> Response:
        self.read.append(request.url.path)
        if "missing" in request.url.path:
            return PlainTextResponse("missing", 404)
        text = "small" if "small" in request.url.path else MUCH
        return PlainTextResponse(text, media_type="text/javascript", headers={"etag": '"1"'})


@pytest.fixture
def site() -> Site:
    return Site()


def raw(site: Site, path: str, accepted: str) -> tuple[bytes, str | None]:
    """The bytes as they came, and how they are packed."""
    with site.client.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
        body = b"".join(answer.iter_raw())
    assert int(answer.headers["content-length"]) == len(body)
    assert answer.headers["etag"] == '"1"'
    assert "Accept-Encoding" in answer.headers["vary"]
    assert answer.headers["content-type"].startswith("text/javascript")
    return body, answer.headers.get("content-encoding")


@pytest.mark.parametrize("path", ["/assets/a.js", "/static/css/a.css", "/scripts/0123/live/main.js", "/plotly.min.js"])
def test_a_file_is_read_and_packed_once_in_each_encoding(path: str, site: Site) -> None:
    for _ in range(3):
        body, encoding = raw(site, path, "gzip, deflate, br, zstd")
        assert (encoding, brotli.decompress(body).decode()) == ("br", MUCH)
    assert site.read == [path]
    for _ in range(3):
        body, encoding = raw(site, path, "gzip;q=0.5, br;q=0")
        assert (encoding, gzip.decompress(body).decode()) == ("gzip", MUCH)
        body, encoding = raw(site, path, "identity")
        assert (encoding, body.decode()) == (None, MUCH)
    assert site.read == [path] * 3


def test_what_is_small_is_sent_as_it_is(site: Site) -> None:
    assert len("small") < LEAST
    assert raw(site, "/assets/small.js", "br") == (b"small", None)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/a.js?x=1",
        "/assets/a.woff2",
        "/gradio_api/file=/tmp/a.js",
        "/config",
        "/theme.css",
        "/other/assets/a.js",
    ],
)
def test_nothing_else_is_kept(path: str, site: Site) -> None:
    for _ in range(2):
        assert site.client.get(path).text == MUCH
    assert len(site.read) == 2


@pytest.mark.parametrize("condition", kept_files.CONDITIONS)
def test_whoever_has_some_of_it_is_answered_by_the_server(condition: str, site: Site) -> None:
    for _ in range(2):
        site.client.get("/assets/a.js", headers={condition: "x"})
    assert len(site.read) == 2


def test_what_is_missing_is_not_kept(site: Site) -> None:
    for _ in range(2):
        assert site.client.get("/assets/missing.js").status_code == 404
    assert len(site.read) == 2


def test_who_asks_for_the_headers_alone_is_answered_by_the_server(site: Site) -> None:
    for _ in range(2):
        assert site.client.head("/assets/a.js").content == b""
    assert len(site.read) == 2


def test_behind_a_proxy_that_has_put_the_page_into_a_folder() -> None:
    site = Site()
    client = TestClient(Starlette(routes=[Mount("/folder", site.client.app)]))
    for _ in range(2):
        assert client.get("/folder/assets/a.js").text == MUCH
    assert len(site.read) == 1
