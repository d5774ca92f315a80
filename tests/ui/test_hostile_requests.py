"""Every handler of the page, asked for everything that nobody asks: refused in words that tell nothing of the machine.

The requests go through Gradio's own routes, but not over a connection: tests/page/test_api.py has one such request to
every handler.
"""

import json
from itertools import product
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from qlora_core.assets import RECORDED_RUNS
from qlora_core.server.services import Services
from tests.hostile import HOSTILE, leaks, short
from tests.ui.conftest import OWNER_KEY, quiet_services

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
    """Services of a store of their own."""
    return quiet_services(tmp_path_factory.mktemp("hostile") / "runs", RECORDED_RUNS)


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
