"""The server without a browser: the named endpoints with gradio_client, and everything else over raw HTTP.

Every handler is asked for something hostile here; tests/ui/test_hostile_requests.py asks each for all of it.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from benchmarks.watching import components
from tests.hostile import HOSTILE
from tests.page.server import OWNER_KEY, PATIENCE, Server, until

#: Named endpoints, and how many arguments each takes.
ENDPOINTS = {
    "start_run": 5,
    "run_status": 1,
    "run_results": 1,
    "control_run": 3,
    "compare": 4,
    "bring_run": 2,
    "quantized_block": 4,
    "adapter_spectrum": 1,
    "guess": 5,
    "guesses": 2,
    "judge_next": 2,
    "judge": 4,
    "room": 2,
    "compare_runs": 2,
    "several_runs": 2,
    "repeat_run": 3,
    "grid_runs": 4,
}


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url, verbose=False)


@pytest.fixture(scope="module")
def finished(client: Client) -> dict[str, Any]:
    """A run, started over the API and finished."""
    run: dict[str, Any] = client.predict(settings={"num_train_epochs": 1}, api_name="/start_run")
    assert when_ended(client, run["run_id"]) == "finished"
    return run


def when_ended(client: Client, run_id: str) -> str:
    """A run's state, once it neither waits nor is at work."""

    def ended() -> str:
        state: str = client.predict(run_id, api_name="/run_status")["state"]
        return "" if state in ("queued", "running", "paused") else state

    return str(until(ended, f"the end of {run_id}"))


def test_only_the_described_endpoints_are_named(client: Client) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {f"/{name}" for name in ENDPOINTS}
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


def test_a_run_s_inside_is_looked_into(client: Client, recorded: str) -> None:
    block = client.predict(recorded, 5, "output.dense", 2, api_name="/quantized_block")
    assert (block["shape"], block["row"], block["column"]) == ([384, 1536], 0, 128)
    assert block["values"] == pytest.approx(
        [block["levels"][code] * block["scale"] for code in block["codes"]], rel=1e-4
    )
    spectrum = client.predict(recorded, api_name="/adapter_spectrum")
    assert len(spectrum["changes"]) == 36
    assert all(len(change["singular_values"]) == spectrum["r"] for change in spectrum["changes"])
    with pytest.raises(AppError, match="Choose one from the map"):
        client.predict(recorded, 6, "output.dense", 0, api_name="/quantized_block")
    with pytest.raises(AppError, match="layer"):
        client.predict(recorded, -1, "output.dense", 0, api_name="/quantized_block")


def test_only_its_secret_or_the_owners_controls_a_run(server: Server, client: Client, finished: dict[str, Any]) -> None:
    with server.holding("training"):
        run = client.predict(settings={"num_train_epochs": 2}, secret="mine", api_name="/start_run")
        for secret in ("", "other", finished["secret"]):
            with pytest.raises(AppError, match="Only the browser that started this run"):
                client.predict(run["run_id"], "stop", secret, api_name="/control_run")
        client.predict(run["run_id"], "pause", "mine", api_name="/control_run")
        client.predict(run["run_id"], "resume", "mine", api_name="/control_run")
        client.predict(run["run_id"], "stop", OWNER_KEY, api_name="/control_run")
        assert when_ended(client, run["run_id"]) == "stopped"


@pytest.mark.parametrize(("number", "endpoint"), list(enumerate(ENDPOINTS)))
def test_a_named_endpoint_refuses_what_is_wrong_and_starts_nothing(
    number: int, endpoint: str, server: Server, client: Client
) -> None:
    before = {run.id for run in server.store.runs()}
    with pytest.raises(AppError) as refusal:
        client.predict(*[HOSTILE[number % len(HOSTILE)]] * ENDPOINTS[endpoint], api_name=f"/{endpoint}")
    assert server.leaks(str(refusal.value)) == []
    assert {run.id for run in server.store.runs()} == before


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


def test_no_private_endpoint_leaks_or_starts_anything(server: Server) -> None:
    config = json.loads(get(server, "config")[1])
    before = {run.id for run in server.store.runs()}
    for number, dependency in enumerate(config["dependencies"]):
        if not dependency["backend_fn"]:
            continue
        session = f"hostile{number}"
        data = [HOSTILE[number % len(HOSTILE)]] * len(dependency["inputs"])
        status, text = post(server, "queue/join", {"data": data, "fn_index": dependency["id"], "session_hash": session})
        if status == 200:
            text = json.dumps(list(listen(server, session))[-1])
        assert server.leaks(text) == [], (dependency["id"], text[:500])
    assert {run.id for run in server.store.runs()} == before


@pytest.mark.parametrize("function", ["control", "claim"])
def test_the_live_views_functions_refuse_what_is_wrong(function: str, server: Server) -> None:
    live = components(server.url)["live"]
    body = {"data": {"run": "../x"}, "component_id": live, "fn_name": function, "session_hash": "hostile"}
    status, text = post(server, "component_server", body)
    assert status == 200
    assert server.leaks(text) == []
    assert "error" in json.loads(text)


@pytest.mark.parametrize("address", ["live/news", "class/guess", "class/judge", "class/room", "class/delete"])
@pytest.mark.parametrize("body", [b'{"run": "../x"}', b"{", b"", b"\xff", b'{"secret": "\\ud800"}', b"[" * 100_000])
def test_our_own_addresses_refuse_what_is_wrong(body: bytes, address: str, server: Server) -> None:
    with urlopen(Request(f"{server.url}{address}", body), timeout=PATIENCE) as answer:
        told = json.load(answer)
    assert set(told) == {"error"}
    assert server.leaks(told["error"]) == []


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
