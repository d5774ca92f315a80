"""The language of a request, and the page in it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qlora_core.language import LANGUAGES, current
from qlora_core.language import gettext as _
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.web.languages import InLanguages, PageInLanguages, language_of

LINK = {"referer": "http://localhost/?run=a&lang=fr"}
COOKIE = {"cookie": "a=b; qlora-language=es"}
ACCEPTS = {"accept-language": "nl, pt-BR;q=0.8, de;q=0.9, en;q=0.1"}


@pytest.mark.parametrize(
    ("headers", "query", "code"),
    [
        ({}, "", "en"),
        (LINK | COOKIE | ACCEPTS, "lang=zh", "zh"),
        (LINK | COOKIE | ACCEPTS, "", "fr"),
        (COOKIE | ACCEPTS, "lang=xx", "es"),
        (ACCEPTS, "", "de"),
        ({"accept-language": "nl, *;q=0.5"}, "", "en"),
        ({"accept-language": "de;q=0, fr;q=none, es"}, "", "es"),
        ({"accept-language": "zh-Hant-TW"}, "", "zh"),
        (
            {"cookie": "qlora-language=../../etc", "referer": "http://[", "accept-language": ";,;"},
            "lang=%ff&" * 60,
            "en",
        ),
    ],
)
def test_the_address_says_it_else_the_cookie_else_the_browser(headers: dict[str, str], query: str, code: str) -> None:
    assert language_of(headers, query) == code


def build() -> PageInLanguages:
    """A small page with a handler for its visitors and one for programs."""

    def told() -> str:
        return f"{current()}: {_('Results')}"

    def streamed() -> Iterator[str]:
        yield told()
        yield told()

    with PageInLanguages(again=build) as page:
        gr.Button(_("Start")).click(told, None, gr.Textbox(label=_("Results")), api_name="told", queue=False, **PRIVATE)
        gr.Dataset(components=[gr.Textbox(render=False)], samples=[["a"]])
        gr.Button().click(streamed, None, gr.Textbox(), api_name="streamed", **PRIVATE)
        gr.api(told, api_name="program")
    return page


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Sends requests to it."""

    async def mount() -> FastAPI:
        app = gr.mount_gradio_app(FastAPI(), build().queue(), path="/", show_error=False)
        app.add_middleware(InLanguages)
        return app

    with ThreadPoolExecutor(1) as thread:
        return TestClient(thread.submit(asyncio.run, mount()).result())


def test_every_language_has_the_same_components_with_its_own_words(client: TestClient) -> None:
    pages = {code: client.get(f"/config?lang={code}").json()["components"] for code in LANGUAGES}
    words = [str(one["props"].get("label") or one["props"].get("value")) for one in pages["de"]]
    assert {"Starten", "Ergebnisse"} <= set(words)
    assert "Start" not in words
    numbers = {code: [(one["id"], one["props"].get("component_ids")) for one in page] for code, page in pages.items()}
    assert all(numbers[code] == numbers["en"] for code in LANGUAGES)


@pytest.mark.parametrize(("query", "tag"), [("", "en"), ("?lang=de", "de"), ("?lang=zh", "zh-CN")])
def test_the_page_says_which_language_it_is_in(client: TestClient, query: str, tag: str) -> None:
    answer = client.get(f"/{query}")
    assert f'lang="{tag}" dir="ltr"' in answer.text
    assert f'value: "{tag}"' in answer.text
    assert answer.headers["content-language"] == tag
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "Accept-Language" in answer.headers["vary"]


def call(client: TestClient, name: str, headers: dict[str, str]) -> Any:
    """What a handler answers."""
    functions = client.get("/config").json()["dependencies"]
    number = next(one["id"] for one in functions if one["api_name"] == name)
    sent = {"data": [], "fn_index": number, "session_hash": "a"}
    return client.post("/gradio_api/run/predict", json=sent, headers=headers).json()["data"][0]


def test_a_handler_answers_in_the_language_of_the_page_that_asks(client: TestClient) -> None:
    assert call(client, "told", {"referer": "http://localhost/?lang=de"}) == "de: Ergebnisse"
    assert call(client, "told", COOKIE) == "es: Resultados"
    assert call(client, "told", {}) == "en: Results"


def test_named_endpoints_speak_english(client: TestClient) -> None:
    assert call(client, "program", COOKIE | ACCEPTS) == "en: Results"


def test_what_is_streamed_through_the_queue_is_in_the_language_too(client: TestClient) -> None:
    functions = client.get("/config").json()["dependencies"]
    number = next(one["id"] for one in functions if one["api_name"] == "streamed")
    with client:
        sent = {"data": [], "fn_index": number, "session_hash": "b"}
        assert client.post("/gradio_api/queue/join?lang=pt", json=sent).status_code == 200
        heard = client.get("/gradio_api/queue/data?session_hash=b").text
    assert "pt: Resultados" in heard
    assert "en:" not in heard
