"""The page in Chromium: a visitor's whole path, and everything that happens to one."""

import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from qlora_core.store.run import Run
from tests.page.conftest import OWNER_KEY, PATIENCE, SMALL, Server, Visitor, until

Visit = Callable[..., Visitor]
pytestmark = pytest.mark.slow
expect.set_options(timeout=PATIENCE * 1000)


def choose_small(page: Page, **changes: object) -> None:
    """Set the form to a run that takes half a minute."""
    page.get_by_role("button", name="Advanced: every setting").click()
    for name, value in (SMALL | changes).items():
        box = page.get_by_label(re.compile(rf"\({name}\)")).first
        box.fill(str(value))
        box.blur()


def start(page: Page) -> str:
    """Press Start; returns the run's id."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    found = re.search(r"run=([a-z0-9-]+)", page.url)
    assert found is not None
    return found[1]


def start_small(page: Page, **changes: object) -> str:
    """Start a small run; returns its id."""
    choose_small(page, **changes)
    return start(page)


def badge(page: Page, words: str | re.Pattern[str]) -> None:
    """Wait until the live view says so."""
    expect(page.locator('[data-at="badge"]')).to_have_text(words)


def wait_for_phase(run: Run, *phases: str) -> None:
    """Wait until the run is in one of these phases, or past the last of them."""
    until(lambda: run.status.phase in (*phases, "done") or run.status.state == "failed", f"a phase of {phases}")


def press(page: Page, name: str) -> None:
    """Press one of the live view's buttons."""
    page.get_by_role("button", name=name, exact=True).click()


def test_a_visitors_whole_path(server: Server, visit: Visit) -> None:
    page = visit(accept_downloads=True).open(server.url)
    expect(page.get_by_role("heading", name="QLoRA for BERT")).to_be_visible()
    run = server.run(start_small(page))
    badge(page, re.compile("Running|Place 1"))
    expect(page.locator('[data-at="phase"]')).to_have_text("Training")
    drawn = page.locator('[data-at="loss"] .scatterlayer .js-line').first
    lengths = [len(until(lambda: drawn.get_attribute("d"), "a curve"))]
    until(lambda: len(drawn.get_attribute("d") or "") > lengths[0], "a curve that grows")
    badge(page, "Finished")
    assert run.status.state == "finished"
    press(page, "See the results")
    expect(page.get_by_role("tab", name="Results", selected=True)).to_be_visible()
    expect(page.get_by_text(re.compile("Reload verified")).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("zip")).click()
    assert download.value.suggested_filename == f"{run.id}.zip"
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("Sentence 1").fill("The bakery closed early.")
    page.get_by_label("Sentence 2").fill("The bakery shut its doors early.")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text(re.compile("Does the order matter to it")).first).to_be_visible()


def test_a_reload_comes_back_to_the_running_run_with_its_whole_curve(server: Server, visit: Visit) -> None:
    visitor = visit()
    page = visitor.open(server.url)
    run = server.run(start_small(page, num_train_epochs=60))
    wait_for_phase(run, "training")
    until(lambda: run.status.step > 3, "some steps")
    page.reload()
    expect(page.locator('[data-at="phase"]')).to_have_text(re.compile("Training|validation"))
    points = page.locator('[data-at="loss"]')
    until(lambda: (points.evaluate("plot => plot.data && plot.data[0].x[0]")) == 1, "the curve from its first step")
    page.goto(server.url)  # without the run's name in the address
    badge(page, re.compile("Running"))
    press(page, "Stop and keep what was learned")
    badge(page, "Stopped")
    assert run.result is not None


def test_everyone_may_watch_and_only_whoever_started_it_may_stop(server: Server, visit: Visit) -> None:
    first, second, owner = visit().open(server.url), visit(), visit()
    run = server.run(start_small(first, num_train_epochs=60))
    wait_for_phase(run, "training")
    other = second.open(f"{server.url}?run={run.id}")
    expect(other.locator('[data-at="phase"]')).to_have_text(re.compile("Training|validation"))
    expect(other.locator(".live-button:visible")).to_have_count(0)
    same = "plot => plot.data && plot.data[0].y.slice(0, 3).join()"
    until(
        lambda: first.locator('[data-at="loss"]').evaluate(same) == other.locator('[data-at="loss"]').evaluate(same),
        "both see the same curve",
    )
    theirs = owner.open(f"{server.url}?owner={OWNER_KEY}&run={run.id}")
    assert OWNER_KEY not in theirs.url
    press(theirs, "Stop and keep what was learned")
    badge(other, "Stopped")


def test_a_closed_tab_does_not_end_the_run(server: Server, visit: Visit) -> None:
    visitor = visit()
    page = visitor.open(server.url)
    run = server.run(start_small(page))
    wait_for_phase(run, "loading")
    page.close()
    until(lambda: run.status.state == "finished", "the run finishes by itself")
    badge(visitor.open(f"{server.url}?run={run.id}"), "Finished")


def test_a_double_click_starts_one_run(server: Server, visit: Visit) -> None:
    before = len(server.store.runs())
    page = visit().open(server.url)
    choose_small(page)
    page.get_by_role("button", name="Start", exact=True).dblclick()
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    badge(page, re.compile("Running|Place"))
    assert len(server.store.runs()) == before + 1
    press(page, "Stop and keep what was learned")
    badge(page, re.compile("Stopped|Finished"))


@pytest.mark.parametrize("phase", ["loading", "baselines", "training", "verifying"])
def test_pause_resume_and_stop_in_every_phase(phase: str, server: Server, visit: Visit) -> None:
    page = visit().open(server.url)
    run = server.run(start_small(page, num_train_epochs=3 if phase == "verifying" else 40))
    wait_for_phase(run, phase)
    press(page, "Pause")
    badge(page, re.compile("Paused|Finished"))
    if run.status.state == "paused":
        step = run.status.step
        press(page, "Resume")
        badge(page, re.compile("Running|Finished"))
        assert run.status.step >= step
    if phase in ("loading", "baselines", "training"):
        press(page, "Stop and keep what was learned")
        badge(page, "Stopped")
        # a quick machine may have come to training before the button was pressed
        assert (run.result is not None) == any(event["kind"] == "step" for event in run.events())
    else:
        badge(page, "Finished")


def test_three_visitors_queue_in_order(server: Server, visit: Visit) -> None:
    pages = [visit().open(server.url) for _ in range(3)]
    runs = [server.run(start_small(page, num_train_epochs=40, seed=number)) for number, page in enumerate(pages)]
    badge(pages[0], "Running")
    badge(pages[1], "Place 1 in the queue")
    badge(pages[2], "Place 2 in the queue")
    press(pages[2], "Pause")
    badge(pages[2], "Held in the queue")
    press(pages[2], "Resume")
    badge(pages[2], "Place 2 in the queue")
    press(pages[1], "Take off the queue")
    badge(pages[1], "Stopped")
    badge(pages[2], "Place 1 in the queue")
    press(pages[0], "Stop and keep what was learned")
    badge(pages[0], "Stopped")
    badge(pages[2], "Running")
    press(pages[2], "Stop and keep what was learned")
    badge(pages[2], re.compile("Stopped|Finished"))
    assert runs[1].result is None


def test_a_killed_server_finds_everything_again(make_server: Callable[[], Server], visit: Visit) -> None:
    server = make_server()
    visitor = visit()
    visitor.expected = ["ERR_CONNECTION_REFUSED", "Connection", "Failed to fetch", "ERR_EMPTY_RESPONSE", "ERR_"]
    page = visitor.open(server.url)
    run = server.run(start_small(page, num_train_epochs=16))
    wait_for_phase(run, "training")
    until(lambda: run.status.step > 2, "some steps")
    server.stop(signal.SIGTERM)
    assert run.status.state == "interrupted"
    server.start()
    page = visitor.open(f"{server.url}?run={run.id}")
    badge(page, "Interrupted")
    press(page, "Resume")
    badge(page, re.compile("Running"))
    server.stop(signal.SIGKILL)
    server.start()  # the worker outlived the server, and is adopted
    page = visitor.open(f"{server.url}?run={run.id}")
    badge(page, re.compile("Running|Finished"))
    badge(page, "Finished")
