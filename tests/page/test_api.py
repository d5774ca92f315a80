"""The server without a browser: the named endpoints with gradio_client, and everything else over raw HTTP."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.page.conftest import OWNER_KEY, PATIENCE, SMALL, Server

pytestmark = pytest.mark.slow

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    1e308,
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "<script>alert(1)</script>",
    "${7*7}{{7*7}}",
    "\u0000\U0001f600 العربية",
    "x" * 50_000,
    [],
    [[["deep"]]],
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"__class__": "os.system"},
]
LEAKS = ("Traceback", 'File "', "site-packages", "/etc/", "qlora_core/", ".py", "pydantic")


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url, verbose=False)


@pytest.fixture(scope="module")
def finished(client: Client) -> dict[str, Any]:
    """A small run, started over the API and finished."""
    run: dict[str, Any] = client.predict(settings=SMALL, api_name="/start_run")
    deadline = time.monotonic() + PATIENCE
    while (status := client.predict(run["run_id"], api_name="/run_status"))["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, status
        time.sleep(0.5)
    assert status["state"] == "finished", status
    return run


def clean(server: Server, text: str) -> bool:
    """Whether an answer tells nothing of the machine or the program's insides."""
    return not any(leak in text for leak in (*LEAKS, str(server.runs_dir.parent), OWNER_KEY))


def test_only_the_described_endpoints_are_named(client: Client) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {"/start_run", "/run_status", "/run_results", "/control_run", "/compare"}
    assert client.view_api(return_format="dict")["unnamed_endpoints"] == {}


def test_results_are_those_of_the_run(server: Server, client: Client, finished: dict[str, Any]) -> None:
    result = client.predict(finished["run_id"], api_name="/run_results")
    stored = server.run(finished["run_id"]).result
    assert stored is not None
    assert result["metrics"] == json.loads(json.dumps(stored["metrics"]))
    assert str(server.runs_dir) not in json.dumps(result)


def test_compare_answers_with_base_and_adapter_in_both_orders(client: Client, finished: dict[str, Any]) -> None:
    answer = client.predict(finished["run_id"], "The pool opens at six.", "At six the pool opens.", api_name="/compare")
    again = client.predict(finished["run_id"], "At six the pool opens.", "The pool opens at six.", api_name="/compare")
    assert json.dumps(answer) != json.dumps(again)
    base = client.predict(finished["run_id"], "One.", "Two.", 0.0, api_name="/compare")
    assert base["adapter"] == base["base"]


def test_only_its_secret_or_the_owners_controls_a_run(client: Client, finished: dict[str, Any]) -> None:
    settings = SMALL | {"num_train_epochs": 20}
    run = client.predict(settings=settings, secret="mine", api_name="/start_run")
    for secret in ("", "other", finished["secret"]):
        with pytest.raises(AppError, match="Only the browser that started this run"):
            client.predict(run["run_id"], "stop", secret, api_name="/control_run")
    client.predict(run["run_id"], "pause", "mine", api_name="/control_run")
    client.predict(run["run_id"], "resume", "mine", api_name="/control_run")
    client.predict(run["run_id"], "stop", OWNER_KEY, api_name="/control_run")
    deadline = time.monotonic() + PATIENCE
    while client.predict(run["run_id"], api_name="/run_status")["state"] in ("running", "queued"):
        assert time.monotonic() < deadline
        time.sleep(0.3)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("endpoint", ["run_status", "run_results", "control_run", "compare", "start_run"])
def test_a_named_endpoint_refuses_what_is_wrong_and_starts_nothing(
    endpoint: str, hostile: Any, server: Server, client: Client
) -> None:
    arguments = {
        "run_status": (hostile,),
        "run_results": (hostile,),
        "control_run": (hostile, hostile, hostile),
        "compare": (hostile, hostile, hostile, hostile),
        "start_run": (hostile, hostile, hostile, hostile, hostile),
    }[endpoint]
    before = {run.id for run in server.store.runs()}
    with pytest.raises(AppError) as refusal:
        client.predict(*arguments, api_name=f"/{endpoint}")
    assert clean(server, str(refusal.value).replace("/etc/passwd", ""))
    assert {run.id for run in server.store.runs()} == before


@pytest.mark.parametrize(
    "settings",
    [{"r": 0}, {"r": "16; rm"}, {"data_dir": "/etc"}, {"base_model": "/etc"}, {"unknown": 1}, {"seed": 2**40}],
    ids=str,
)
def test_settings_are_checked(settings: dict[str, Any], server: Server, client: Client) -> None:
    before = len(server.store.runs())
    with pytest.raises(AppError) as refusal:
        client.predict(settings=settings, api_name="/start_run")
    assert clean(server, str(refusal.value))
    assert len(server.store.runs()) == before


def post(server: Server, path: str, body: Any) -> tuple[int, str]:
    """Send JSON; returns status and body."""
    data = json.dumps(body).encode()
    request = Request(f"{server.url}gradio_api/{path}", data, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def get(server: Server, path: str) -> tuple[int, str]:
    """Fetch a path; returns status and body."""
    try:
        with urlopen(f"{server.url}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def listen(server: Server, session: str) -> Iterator[dict[str, Any]]:
    """Messages of the queue for a session, until it closes."""
    with urlopen(f"{server.url}gradio_api/queue/data?session_hash={session}", timeout=PATIENCE) as stream:
        for line in stream:
            if line.startswith(b"data:"):
                message = json.loads(line[5:])
                yield message
                if message["msg"] in ("process_completed", "close_stream"):
                    return


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: repr(value)[:30])
def test_no_private_endpoint_leaks_or_starts_anything(hostile: Any, server: Server) -> None:
    config = json.loads(get(server, "config")[1])
    before = {run.id for run in server.store.runs()}
    for number, dependency in enumerate(config["dependencies"]):
        if not dependency["backend_fn"]:
            continue
        session = f"hostile{number}"
        data = [hostile] * len(dependency["inputs"])
        status, text = post(server, "queue/join", {"data": data, "fn_index": dependency["id"], "session_hash": session})
        if status == 200:
            text = json.dumps(list(listen(server, session))[-1])
        assert clean(server, text.replace("/etc/passwd", "")), (dependency["id"], text[:500])
    assert {run.id for run in server.store.runs()} == before


@pytest.mark.parametrize("function", ["poll", "control"])
@pytest.mark.parametrize(
    "hostile", [*HOSTILE, {"run": "../x"}, {"run": 7, "have": {"points": -1}}], ids=lambda v: repr(v)[:30]
)
def test_the_live_views_functions_refuse_what_is_wrong(function: str, hostile: Any, server: Server) -> None:
    config = json.loads(get(server, "config")[1])
    live = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "live")
    body = {"data": hostile, "component_id": live, "fn_name": function, "session_hash": "hostile"}
    status, text = post(server, "component_server", body)
    assert status == 200
    assert clean(server, text.replace("/etc/passwd", ""))
    assert "error" in json.loads(text)


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "runs", "../app.py", "%2e%2e/app.py"])
def test_files_of_the_machine_are_not_served(path: str, server: Server) -> None:
    status, text = get(server, f"gradio_api/file={path}")
    assert status in (403, 404)
    assert "root:" not in text
    assert "import" not in text


def test_the_page_itself_names_no_folder_of_the_machine(server: Server) -> None:
    text = get(server, "")[1] + get(server, "config")[1]
    assert "site-packages" not in text
    assert str(server.runs_dir.parent) not in text
