"""Requests that no page sends: a sentence to whoever sent them, a limit, and nothing of them in the log."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from qlora_core.ui.web.malformed import MAX_BODY, TOO_LARGE, BoundedBodies, Page, WithoutRequests
from qlora_core.ui.words.page import UNREADABLE

SECRET = "a-secret-that-is-nobodys-business"


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Sends requests to a page with two handlers."""

    async def build() -> FastAPI:
        def chosen(choice: str, number: float) -> str:
            return f"{choice} {number}"

        def named(run_id: str, action: str) -> str:
            return run_id + action

        with Page() as page:
            inputs = [gr.Dropdown(["a", "b"]), gr.Number()]
            gr.Button().click(chosen, inputs, gr.Textbox(), api_name="chosen")
            gr.api(named, api_name="named")
        return gr.mount_gradio_app(FastAPI(), page.queue(), path="/", show_error=False)

    with ThreadPoolExecutor(1) as thread:
        return TestClient(thread.submit(asyncio.run, build()).result())


def ask(client: TestClient, endpoint: str, data: list[Any]) -> dict[str, Any]:
    """What an endpoint answers."""
    answer: dict[str, Any] = client.post(f"/gradio_api/run/{endpoint}", json={"data": data}).json()
    return answer


def test_what_the_page_sends_is_answered(client: TestClient) -> None:
    assert ask(client, "chosen", ["a", 1])["data"] == ["a 1"]


@pytest.mark.parametrize("data", [[SECRET, 1], [{"path": SECRET}, 1], [[SECRET], {}]])
def test_what_components_do_not_hold_is_refused_and_not_logged(
    data: list[Any], client: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ask(client, "chosen", data)["error"] == UNREADABLE
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


@pytest.mark.parametrize("data", [[], [SECRET]])
def test_a_program_that_sends_too_little_is_told_what_is_wanted(
    data: list[Any], client: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ask(client, "named", data)["error"] == f"named takes 2 values (run_id, action), and {len(data)} came."
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize(("size", "path", "expected"), [(MAX_BODY, "/x", 200), (MAX_BODY + 1, "/x", TOO_LARGE)])
@pytest.mark.parametrize("in_parts", [True, False])
def test_a_body_has_an_end(size: int, path: str, expected: int, *, in_parts: bool) -> None:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    routes = [Route("/x", answer, methods=["POST"])]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(BoundedBodies)]))
    body = b"x" * size
    parts = (body[start : start + 1_000_000] for start in range(0, size, 1_000_000))
    assert client.post(path, content=parts if in_parts else body).status_code == expected


def record_of(error: Exception) -> logging.LogRecord:
    """A log's entry on an error that was raised in a module of its own."""
    return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "Exception in ASGI application", (), (
        type(error), error, error.__traceback__))  # fmt: skip


def raised(module: str) -> Exception:
    """An error whose traceback passes through a module."""
    names: dict[str, Any] = {"__name__": module}
    exec(f"def fail():\n    raise ValueError({SECRET!r})", names)
    try:
        names["fail"]()
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("module", ["gradio.routes", "fastapi.routing", "qlora_core.ui.web.hosts"])
def test_of_a_request_that_cannot_be_read_the_log_has_the_kind_of_error(module: str) -> None:
    record = record_of(raised(module))
    assert WithoutRequests().filter(record)
    assert record.getMessage() == "A request could not be read (ValueError)"
    assert SECRET not in logging.Formatter().format(record)


def test_a_fault_of_this_program_is_logged_in_full() -> None:
    record = record_of(raised("qlora_core.ui.train.live_view"))
    assert WithoutRequests().filter(record)
    assert "Traceback" in logging.Formatter().format(record)
