"""Every handler of the page, asked for everything that nobody asks: refused in words that tell nothing of the machine.

The requests go through Gradio's own routes, but not over a connection: tests/page/test_api.py has one such request to
every handler.
"""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qlora_core.assets import RECORDED_RUNS
from qlora_core.server.availability import Availability
from qlora_core.server.services import Services, make_services
from qlora_core.ui.build import build_app
from qlora_core.ui.train.live_news import live_news
from tests.hostile import HOSTILE, leaks, short

OWNER_KEY = "the-owner-of-this-server"
ENDPOINTS = (
    "start_run",
    "run_status",
    "run_results",
    "control_run",
    "compare",
    "bring_run",
    "quantized_block",
    "adapter_spectrum",
    "guess",
    "guesses",
    "judge_next",
    "judge",
    "room",
    "grid_runs",
)
each_hostile = pytest.mark.parametrize("hostile", HOSTILE, ids=short)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Services whose queue does not start anything, and whose doctor has ended."""
    services = make_services(tmp_path_factory.mktemp("hostile") / "runs", RECORDED_RUNS, OWNER_KEY)
    availability = Availability(["/nonexistent/doctor"])
    availability.start()
    availability.wait(30)
    return replace(services, availability=availability)


@pytest.fixture(scope="module")
def served(services: Services) -> tuple[gr.Blocks, FastAPI]:
    """The page, and the program that would serve it."""

    async def build() -> tuple[gr.Blocks, FastAPI]:
        page = build_app(services).queue()
        return page, gr.mount_gradio_app(FastAPI(routes=[live_news(services)]), page, path="/", show_error=False)

    # In an event loop: without one, Gradio makes some that it never closes. In a thread: this one may have a loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, build()).result()


@pytest.fixture(scope="module")
def page(served: tuple[gr.Blocks, FastAPI]) -> gr.Blocks:
    """The page with its handlers."""
    return served[0]


@pytest.fixture(scope="module")
def client(served: tuple[gr.Blocks, FastAPI]) -> Iterator[TestClient]:
    """Sends requests to the page's routes."""
    with TestClient(served[1]) as client:
        yield client


@pytest.fixture
def secrets(services: Services) -> tuple[str, str]:
    """What no answer may tell."""
    return str(services.store.folder.parent), OWNER_KEY


@each_hostile
def test_no_handler_leaks_or_starts_anything(
    hostile: Any, page: gr.Blocks, client: TestClient, services: Services, secrets: tuple[str, str]
) -> None:
    asked = 0
    for number, handler in page.fns.items():
        if handler.fn is not None:
            request = {"data": [hostile] * len(handler.inputs), "fn_index": number, "session_hash": f"hostile{number}"}
            answer = client.post("/gradio_api/run/predict", json=request)
            assert leaks(answer.text, *secrets) == [], (handler.name, answer.text[:500])
            asked += 1
    assert asked > 30
    assert services.store.runs() == []


@pytest.mark.parametrize(
    ("endpoint", "hostile"),
    # "" alone asks for the newest run, which is nothing wrong
    [pair for pair in product(ENDPOINTS, HOSTILE) if pair != ("adapter_spectrum", "")],
    ids=short,
)
def test_a_named_endpoint_refuses_what_is_wrong(
    endpoint: str, hostile: Any, page: gr.Blocks, client: TestClient, services: Services, secrets: tuple[str, str]
) -> None:
    (handler,) = [handler for handler in page.fns.values() if handler.api_name == endpoint]
    answer = client.post(f"/gradio_api/run/{endpoint}", json={"data": [hostile] * len(handler.inputs)})
    assert answer.status_code == 500
    assert leaks(answer.text, *secrets) == []
    assert services.store.runs() == []


@pytest.mark.parametrize(
    "settings",
    [{"r": 0}, {"r": "16; rm"}, {"data_dir": "/etc"}, {"base_model": "/etc"}, {"unknown": 1}, {"seed": 2**40}],
    ids=str,
)
def test_settings_are_checked(
    settings: dict[str, Any], client: TestClient, services: Services, secrets: tuple[str, str]
) -> None:
    answer = client.post("/gradio_api/run/start_run", json={"data": ["minilm", "pairs", "quick", settings, ""]})
    assert answer.status_code == 500
    assert answer.json()["error"]
    assert leaks(answer.text, *secrets) == []
    assert services.store.runs() == []


@each_hostile
@pytest.mark.parametrize("function", ["control", "claim"])
def test_the_live_views_functions_refuse_what_is_wrong(
    function: str, hostile: Any, page: gr.Blocks, client: TestClient, secrets: tuple[str, str]
) -> None:
    live = next(number for number, block in page.blocks.items() if getattr(block, "elem_id", None) == "live")
    request = {"data": hostile, "component_id": live, "fn_name": function, "session_hash": "hostile"}
    answer = client.post("/gradio_api/component_server", json=request)
    assert answer.status_code == 200
    assert leaks(answer.text, *secrets) == []
    assert "error" in json.loads(answer.text)


@each_hostile
def test_the_live_views_news_refuse_what_is_wrong(hostile: Any, client: TestClient, secrets: tuple[str, str]) -> None:
    answer = client.post("/live/news", content=json.dumps(hostile).encode())
    assert answer.status_code == 200
    assert leaks(answer.text, *secrets) == []
    assert "error" in json.loads(answer.text)
