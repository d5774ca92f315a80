"""The live view's drawing in Chromium, with a simulated run of 10,000 steps."""

import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, Route, expect

from benchmarks.watching import SimulatedRun
from qlora_core.store.feed import MAX_POINTS
from tests.page.server import Server, until
from tests.page.visitor import Visitor

STEPS, TICKS = 10_000, 60
STEPS_A_TICK = 165


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


def is_told_more(page: Page, sizes: list[int], before: int) -> bool:
    """Whether news has come, once the page's clock has gone on for a second; how soon it asks, the server says."""
    page.clock.run_for(1000)
    return len(sizes) > before


def test_ten_thousand_steps_stay_smooth(server: Server, simulated: SimulatedRun, visit: Callable[..., Visitor]) -> None:
    simulated.take(100)
    visitor = visit()
    page = visitor.open(f"{server.url}?run={simulated.run.id}")
    until(lambda: drawn(page), "the first points")
    page.clock.install()
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(len(response.body())) if "live/news" in response.url else None)
    before: list[float] = []
    measured: list[tuple[int, int]] = []
    for tick in range(TICKS):
        simulated.take(STEPS_A_TICK)
        until(partial(is_told_more, page, sizes, len(sizes)), "news")
        points = drawn(page)
        assert points[: len(before)] == before, "points that were drawn have moved"
        before = points
        if tick in (TICKS // 3, TICKS - 1):
            measured.append(nodes_and_heap(page))
    assert 500 < len(before) <= MAX_POINTS
    (nodes, heap), (nodes_later, heap_later) = measured
    assert abs(nodes_later - nodes) < 40
    assert heap_later - heap < 3_000_000
    late, early = sizes[-TICKS // 6 :], sizes[TICKS // 6 : TICKS // 3]
    assert max(late) < 2 * max(early), "the traffic of a tick grows with the run"


def test_an_answer_about_another_run_does_not_lose_the_one_that_was_chosen(
    server: Server, simulated: SimulatedRun, recorded: str, visit: Callable[..., Visitor]
) -> None:
    simulated.take(100)
    page = visit().open(f"{server.url}?run={recorded}")
    badge = page.locator('[data-at="badge"]')
    expect(badge).to_have_text("Recorded run, replayed")
    held: list[Route] = []
    page.route(re.compile("live/news"), lambda route: route.continue_() if held else held.append(route))
    until(lambda: page.evaluate("1") and held, "a poll that is not answered")
    page.evaluate("run => qlora.follow(run)", simulated.run.id)
    held[0].continue_()
    expect(badge).to_have_text("Running")


def test_zoom_survives_updates(server: Server, simulated: SimulatedRun, visit: Callable[..., Visitor]) -> None:
    simulated.take(3000)
    page = visit().open(f"{server.url}?run={simulated.run.id}")
    until(lambda: drawn(page), "the first points")
    shown = "plot => plot.layout.xaxis.range.map(Math.round)"
    whole = page.locator('[data-at="loss"]').evaluate(shown)
    area = page.locator('[data-at="loss"] .nsewdrag').first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.1, area["y"] + area["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.3, area["y"] + area["height"] * 0.8, steps=5)
    page.mouse.up()
    zoomed = until(lambda: (window := page.locator('[data-at="loss"]').evaluate(shown)) != whole and window, "a zoom")
    before = len(drawn(page))
    simulated.take(2500)  # so many that the axis would double
    until(lambda: len(drawn(page)) > before, "new points")
    assert page.locator('[data-at="loss"]').evaluate(shown) == zoomed
