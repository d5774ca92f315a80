"""A class on one server: thirty viewers poll a run that goes on, and all see the same."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.ui.conftest import PATIENCE, Server
from tests.ui.test_live_chart import SimulatedRun

VIEWERS, PARTS, STEPS_A_PART = 30, 8, 125
STEPS_A_POINT = 16  #: of a run of 10,000 steps, which is drawn in at most 1,000 points
pytestmark = pytest.mark.slow


def live_component(server: Server) -> int:
    """The number under which the page knows the live view."""
    with urlopen(f"{server.url}config", timeout=PATIENCE) as answer:
        components = json.load(answer)["components"]
    return next(one["id"] for one in components if one["props"].get("elem_id") == "live")


class Viewer:
    """Polls as the page does: asks for what it lacks, and adds it to what it has."""

    def __init__(self, server: Server, component: int, run_id: str, number: int) -> None:
        self.url = f"{server.url}gradio_api/component_server"
        self.about = {"session_hash": f"viewer{number}", "component_id": component, "fn_name": "poll"}
        self.run_id, self.generation, self.points = run_id, 0, list[list[float]]()
        self.answers = 0

    def poll(self) -> dict[str, Any]:
        """One poll's answer."""
        have = {"generation": self.generation, "points": len(self.points)}
        body = json.dumps({**self.about, "data": {"run": self.run_id, "have": have}}).encode()
        with urlopen(Request(self.url, body, {"Content-Type": "application/json"}), timeout=PATIENCE) as response:
            answer: dict[str, Any] = json.load(response)
        assert "error" not in answer, answer
        self.generation = answer["generation"]
        self.points += answer["points"]
        self.answers += 1
        return answer

    def watch(self, began: Barrier) -> list[list[float]]:
        """Poll until the run has ended; returns every point seen."""
        began.wait(PATIENCE)
        while self.poll()["state"] == "running":
            pass
        self.poll()  # what was written between the last look and the end
        return self.points


@pytest.fixture
def simulated(server: Server) -> SimulatedRun:
    """A run of which the test writes the events."""
    return SimulatedRun(server)


def test_thirty_viewers_see_the_same_steps_while_the_page_is_served(server: Server, simulated: SimulatedRun) -> None:
    component, began = live_component(server), Barrier(VIEWERS + 1)
    viewers = [Viewer(server, component, simulated.run.id, number) for number in range(VIEWERS)]
    with ThreadPoolExecutor(VIEWERS) as threads:
        watching = [threads.submit(viewer.watch, began) for viewer in viewers]
        try:
            began.wait(PATIENCE)
            for part in range(PARTS):
                simulated.go_on(STEPS_A_PART)
                with urlopen(server.url, timeout=PATIENCE) as page:
                    assert page.status == 200, f"in part {part}"
        finally:
            simulated.end()  # which lets the viewers go
        seen = [future.result(PATIENCE) for future in watching]
    assert [point[0] for point in seen[0]] == list(range(STEPS_A_POINT, PARTS * STEPS_A_PART + 1, STEPS_A_POINT))
    assert all(points == seen[0] for points in seen)
    assert min(viewer.answers for viewer in viewers) > 2
