"""The live view: what the server tells, and the drawing in Chromium with a simulated run of 10,000 steps."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from benchmarks.watching import SimulatedRun
from qlora_core.config import make_config
from qlora_core.server.services import Services, make_services
from qlora_core.store.feed import MAX_POINTS
from qlora_core.ui.train.live_view import Command, Poll, buttons, run_to_show, view
from tests.page.conftest import Server, Visitor, until

STEPS, TICKS = 10_000, 300


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


@pytest.mark.parametrize(
    ("state", "phase", "held", "expected"),
    [
        ("queued", "queued", False, ["pause", "stop"]),
        ("queued", "queued", True, ["resume", "stop"]),
        ("running", "loading", False, ["pause", "stop"]),
        ("running", "training", False, ["pause", "stop"]),
        ("running", "verifying", False, ["pause"]),
        ("paused", "training", False, ["resume", "stop"]),
        ("interrupted", "training", False, ["resume"]),
        ("failed", "training", False, ["resume"]),
        ("stopped", "done", False, []),
        ("finished", "done", False, []),
    ],
)
def test_only_buttons_that_do_something_are_offered(state: str, phase: str, held: bool, expected: list[str]) -> None:
    assert buttons(state, phase, held=held, mine=True) == expected
    assert buttons(state, phase, held=held, mine=False) == []


def test_a_visitor_sees_their_own_run_first_then_the_one_at_work(services: Services) -> None:
    first = services.queue.submit(make_config(seed=1), "one")
    second = services.queue.submit(make_config(seed=2), "two")
    assert run_to_show(services, "two") is not None
    assert [run_to_show(services, secret) for secret in ("two", "one", "nobody")] != [None] * 3
    shown = [run_to_show(services, secret) for secret in ("two", "one", "nobody")]
    assert [run.id for run in shown if run] == [second.id, first.id, first.id]


def test_without_any_run_there_is_nothing_to_show(services: Services) -> None:
    assert run_to_show(services, "") is None


def test_the_view_tells_the_place_in_the_queue_and_nothing_of_the_machine(services: Services, tmp_path: Path) -> None:
    services.queue.submit(make_config(seed=1), "one")
    run = services.queue.submit(make_config(seed=2, dataset=str(tmp_path / "secret" / "mine.csv")), "two")
    told = view(services, run, Poll(secret="two"))
    assert (told["place"], told["waiting"], told["mine"], told["buttons"]) == (2, 2, True, ["pause", "stop"])
    assert told["about"]["dataset"] == "mine.csv"
    assert str(tmp_path) not in json.dumps(told)


@pytest.mark.parametrize(
    "request_", [None, 5, [], {"run": 5}, {"have": {"points": -1}}, {"other": 1}, {"run": "x" * 99}]
)
def test_a_malformed_request_is_answered_in_plain_words(request_: Any, services: Services) -> None:
    from qlora_core.ui.train.live_view import _control, _poll

    assert set(_poll(services)(request_)) == {"error"}
    assert set(_control(services)(request_)) == {"error"}


def test_a_stranger_controls_nothing(services: Services) -> None:
    from qlora_core.ui.train.live_view import _control

    run = services.queue.submit(make_config(), "mine")
    told = _control(services)(Command(run=run.id, secret="other", action="stop").model_dump())
    assert "Only the browser that started this run" in told["error"]
    assert run.status.state == "queued"
    assert _control(services)(Command(run=run.id, secret="owner", action="stop").model_dump()) == {}
    assert run.status.state == "stopped"


@pytest.fixture
def simulated(server: Server) -> Iterator[SimulatedRun]:
    """A simulated run on the server."""
    run = SimulatedRun(server.store, STEPS)
    yield run
    run.end()


def drawn(page: Page) -> list[float]:
    """Steps of the points of the loss that are drawn."""
    found: list[float] = page.locator('[data-at="loss"]').evaluate("plot => (plot.data ? plot.data[0].x : []).slice()")
    return found


def nodes_and_heap(page: Page) -> tuple[int, int]:
    """Elements on the page, without the table's (a row for each evaluation); bytes that scripts hold."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return page.evaluate("document.querySelectorAll('*:not([data-at=rows] *)').length"), int(heap)


@pytest.mark.slow
def test_ten_thousand_steps_stay_smooth(server: Server, simulated: SimulatedRun, visit: Callable[..., Visitor]) -> None:
    simulated.take(100)
    visitor = visit()
    page = visitor.open(f"{server.url}?run={simulated.run.id}")
    until(lambda: drawn(page), "the first points")
    page.clock.install()
    sizes: list[int] = []
    page.on(
        "response", lambda response: sizes.append(len(response.body())) if "component_server" in response.url else None
    )
    before: list[float] = []
    measured: list[tuple[int, int]] = []
    for tick in range(TICKS):
        simulated.take(33)
        with page.expect_response(lambda response: "component_server" in response.url):
            page.clock.run_for(1000)
        points = drawn(page)
        assert points[: len(before)] == before, "points that were drawn have moved"
        before = points
        if tick in (100, TICKS - 1):
            measured.append(nodes_and_heap(page))
    assert 500 < len(before) <= MAX_POINTS
    (nodes, heap), (nodes_later, heap_later) = measured
    assert abs(nodes_later - nodes) < 40
    assert heap_later - heap < 3_000_000
    late, early = sizes[-50:], sizes[50:100]
    assert max(late) < 2 * max(early), "the traffic of a tick grows with the run"


@pytest.mark.slow
def test_an_answer_about_another_run_does_not_lose_the_one_that_was_chosen(
    server: Server, simulated: SimulatedRun, recorded: str, visit: Callable[..., Visitor]
) -> None:
    simulated.take(100)
    page = visit().open(f"{server.url}?run={recorded}")
    badge = page.locator('[data-at="badge"]')
    expect(badge).to_have_text("Recorded run, replayed")
    held: list[Route] = []
    page.route(re.compile("component_server"), lambda route: route.continue_() if held else held.append(route))
    until(lambda: page.evaluate("1") and held, "a poll that is not answered")
    page.evaluate("run => qlora.follow(run)", simulated.run.id)
    held[0].continue_()
    expect(badge).to_have_text("Running")


@pytest.mark.slow
def test_zoom_survives_updates(server: Server, simulated: SimulatedRun, visit: Callable[..., Visitor]) -> None:
    simulated.take(3000)
    page = visit().open(f"{server.url}?run={simulated.run.id}")
    until(lambda: drawn(page), "the first points")
    area = page.locator('[data-at="loss"] .nsewdrag').first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.1, area["y"] + area["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.3, area["y"] + area["height"] * 0.8, steps=5)
    page.mouse.up()
    shown = "plot => plot.layout.xaxis.range.map(Math.round)"
    zoomed = until(
        lambda: (window := page.locator('[data-at="loss"]').evaluate(shown)) != [0, 10300] and window, "a zoom"
    )
    before = len(drawn(page))
    simulated.take(500)
    until(lambda: len(drawn(page)) > before, "new points")
    assert page.locator('[data-at="loss"]').evaluate(shown) == zoomed
