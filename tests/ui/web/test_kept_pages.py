"""The page as it is first sent: made once, packed, and another one in another language or at another address."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor

import brotli
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from qlora_core.language import current
from qlora_core.ui.web.kept_pages import MOST, KeptPages
from qlora_core.ui.web.languages import InLanguages

MUCH = "<p>The same again and again.</p>" * 500


class Site:
    """A site that counts how often its page is made."""

    def __init__(self) -> None:
        self.made = 0
        self.is_broken = False
        routes = [Route("/", self.page), Route("/other", lambda _: PlainTextResponse("other"))]
        middleware = [Middleware(KeptPages), Middleware(InLanguages)]
        self.app = Starlette(routes=routes, middleware=middleware)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    async def page(self, request: Request) -> Response:
        self.made += 1
        if self.is_broken:
            return PlainTextResponse("Not now.", 503)
        await asyncio.sleep(0)
        words = f"{current()} {request.url.netloc} {request.query_params.get('page', '')}"
        return HTMLResponse(f'<html lang="en"><head></head>{words} {MUCH}</html>')


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_page_is_made_once(site: Site) -> None:
    first, second = site.client.get("/"), site.client.get("/?run=a&tab=b")
    assert site.made == 1
    assert first.text == second.text
    assert "en testserver" in first.text
    assert first.headers["content-language"] == "en"
    assert first.headers.items() == second.headers.items()


def test_it_is_packed_for_who_unpacks_it(site: Site) -> None:
    plain = site.client.get("/", headers={"accept-encoding": "identity"})
    for encoding, unpack in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        with site.client.stream("GET", "/", headers={"accept-encoding": encoding}) as answer:
            packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == encoding
        assert int(answer.headers["content-length"]) == len(packed) < len(plain.content) / 10
        assert unpack(packed) == plain.content
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]
    assert int(plain.headers["content-length"]) == len(plain.content)
    assert site.made == 3


def test_each_language_and_each_address_has_its_own(site: Site) -> None:
    for _ in range(2):
        assert "de testserver" in site.client.get("/?lang=de").text
        assert "fr testserver" in site.client.get("/", headers={"accept-language": "fr"}).text
        assert "en 10.0.0.1" in site.client.get("/", headers={"host": "10.0.0.1"}).text
        site.client.get("/", headers={"x-forwarded-proto": "https"})
    assert site.made == 4


@pytest.mark.parametrize("query", ["page=other", "deep_link=x", "page="])
def test_another_page_of_gradios_is_never_taken_for_it(query: str, site: Site) -> None:
    for _ in range(2):
        site.client.get(f"/?{query}")
    assert site.made == 2
    assert "other" not in site.client.get("/").text


def test_what_fails_is_not_kept(site: Site) -> None:
    site.is_broken = True
    answer = site.client.get("/")
    assert (answer.status_code, answer.text) == (503, "Not now.")
    site.is_broken = False
    assert site.client.get("/").status_code == 200
    assert site.made == 2


def test_nothing_else_is_kept(site: Site) -> None:
    assert site.client.get("/other").text == "other"
    assert site.client.get("/nowhere").status_code == 404
    assert site.client.post("/").status_code == 405
    assert site.made == 0


def test_only_so_many_are_kept(site: Site) -> None:
    for number in range(MOST + 2):
        site.client.get("/", headers={"host": f"10.0.0.{number}"})
    site.client.get("/", headers={"host": f"10.0.0.{MOST + 1}"})
    assert site.made == MOST + 2
    site.client.get("/", headers={"host": "10.0.0.0"})
    assert site.made == MOST + 3


def test_a_class_that_opens_it_at_once_has_it_made_once(site: Site) -> None:
    async def ask() -> bytes:
        parts = []

        async def send(message: dict[str, object]) -> None:
            parts.append(message.get("body", b""))

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b""}

        headers = [(b"host", b"testserver")]
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http", "root_path": ""}
        await site.app({**scope, "headers": headers, "server": ("testserver", 80)}, receive, send)  # type: ignore[arg-type]
        return b"".join(parts)  # type: ignore[arg-type]

    async def everybody() -> list[bytes]:
        return await asyncio.gather(*(ask() for _ in range(30)))

    with ThreadPoolExecutor(1) as thread:  # a loop of its own, which no other test sees
        answers = thread.submit(asyncio.run, everybody()).result()
    assert site.made == 1
    assert len(set(answers)) == 1
    assert b"en testserver" in answers[0]
