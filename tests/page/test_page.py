"""The page in Chromium: a visitor's whole path, and everything that happens to one."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qlora_core.store.run import Run
from tests.page.server import OWNER_KEY, Server, until
from tests.page.visitor import Visitor, badge, choose_file, choose_small, press, start, wait_for_phase

Visit = Callable[..., Visitor]


def start_held(server: Server, page: Page, phase: str) -> Run:
    """Press Start, and wait until the run has come to the phase that the server holds it in."""
    run = server.run(start(page))
    wait_for_phase(run, phase)
    return run


def test_a_visitors_whole_path_with_a_file_of_their_own(pairs_file: Path, real_server: Server, visit: Visit) -> None:
    visitor = visit(accept_downloads=True)
    page = visitor.open(real_server.url)
    expect(page.get_by_role("heading", name="QLoRA for BERT")).to_be_visible()
    choose_file(visitor, page, pairs_file)
    expect(page.get_by_text("64 pairs to learn from and 16 to be measured on")).to_be_visible()
    choose_small(page, max_eval_samples=8)
    run = real_server.run(start(page))
    badge(page, re.compile("Running|Place 1"))
    expect(page.locator('[data-at="phase"]')).to_have_text("Training")
    drawn = page.locator('[data-at="loss"] .scatterlayer .js-line').first
    lengths = [len(until(lambda: drawn.get_attribute("d"), "a curve"))]
    until(lambda: len(drawn.get_attribute("d") or "") > lengths[0], "a curve that grows")
    badge(page, "Finished")
    assert run.status.state == "finished"
    assert run.result is not None
    assert (run.result["dataset"]["train"], run.result["dataset"]["validation"]) == (48, 8)
    assert Path(run.config.dataset).read_bytes() == pairs_file.read_bytes()
    expect(page.locator('[data-at="watched"]')).to_contain_text("on day")
    expect(page.locator('[data-at="title"]')).to_have_text(re.compile(r"minilm learns pairs-\w+\.jsonl"))
    press(page, "See the results")
    expect(page.get_by_role("tab", name="Results", selected=True)).to_be_visible()
    expect(page.get_by_text(re.compile("Reload verified")).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Take the adapter home (zip)").click()
    assert download.value.suggested_filename == f"{run.id}.zip"
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("Sentence 1").fill("The bakery closed early.")
    page.get_by_label("Sentence 2").fill("The bakery shut its doors early.")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text(re.compile("Does the order matter to it")).first).to_be_visible()


def test_a_reload_comes_back_to_the_running_run_with_its_whole_curve(server: Server, visit: Visit) -> None:
    visitor = visit()
    page = visitor.open(server.url)
    with server.holding("training"):
        run = start_held(server, page, "training")
        until(lambda: run.status.step > 3, "some steps")
        page.reload()
        expect(page.locator('[data-at="phase"]')).to_have_text("Training")
        points = page.locator('[data-at="loss"]')
        first = "plot => plot.data && plot.data[0].x[0]"
        until(lambda: points.evaluate(first) == 1, "the curve from its first step")
        page.goto(server.url)  # without the run's name in the address
        badge(page, "Running")
        press(page, "Stop and keep what was learned")
        badge(page, "Stopped")
    assert run.result is not None


def test_everyone_may_watch_and_only_whoever_started_it_may_stop(server: Server, visit: Visit) -> None:
    first, second, owner = visit().open(server.url), visit(), visit()
    with server.holding("training"):
        run = start_held(server, first, "training")
        other = second.open(f"{server.url}?run={run.id}")
        expect(other.locator('[data-at="phase"]')).to_have_text("Training")
        expect(other.locator(".live-button:not([data-present]):visible")).to_have_count(0)
        same = "plot => plot.data && plot.data[0].y.slice(0, 3).join()"
        until(
            lambda: (
                first.locator('[data-at="loss"]').evaluate(same) == other.locator('[data-at="loss"]').evaluate(same)
            ),
            "both see the same curve",
        )
        theirs = owner.open(f"{server.url}?run={run.id}#owner={OWNER_KEY}")
        press(theirs, "Stop and keep what was learned")
        badge(other, "Stopped")


def test_a_link_takes_nobodys_secret_away_and_only_the_right_key_is_kept(server: Server, visit: Visit) -> None:
    visitor = visit()
    sent: list[str] = []
    visitor.context.on("request", lambda request: sent.append(f"{request.url} {request.headers.get('referer')}"))
    page = visitor.open(f"{server.url}?owner={OWNER_KEY}")
    badge(page, "Recorded run, replayed")
    secret, kept = (f"localStorage.getItem('qlora-{name}')" for name in ("secret", "owner"))
    own = page.evaluate(secret)
    assert own != OWNER_KEY
    assert page.evaluate(kept) is None
    said = page.locator('[data-at="owner"]')
    expect(said).not_to_be_visible()
    page.goto(server.url)
    sent.clear()
    for key, words in (("another key than that", "not this server's owner's"), (OWNER_KEY, "is now the owner's")):
        page.evaluate("key => { location.hash = `owner=${encodeURIComponent(key)}`; }", key)
        expect(said).to_contain_text(words)
        assert page.url == server.url
        assert bool(page.evaluate(kept)) == (key == OWNER_KEY)
        assert page.evaluate(secret) == own
    assert page.evaluate(kept) != OWNER_KEY
    assert sent
    assert not [line for line in sent if "owner=" in line or OWNER_KEY in line]
    assert OWNER_KEY not in server.log


def test_a_closed_tab_does_not_end_the_run(server: Server, visit: Visit) -> None:
    visitor = visit()
    page = visitor.open(server.url)
    with server.holding("loading"):
        run = start_held(server, page, "loading")
        page.close()
    until(lambda: run.status.state == "finished", "the run finishes by itself")
    badge(visitor.open(f"{server.url}?run={run.id}"), "Finished")


def test_a_double_click_starts_one_run(server: Server, visit: Visit) -> None:
    before = len(server.store.runs())
    page = visit().open(server.url)
    with server.holding("training"):
        page.get_by_role("button", name="Start", exact=True).dblclick()
        page.wait_for_url(re.compile(r"run=\d{8}-"))
        badge(page, "Running")
        assert len(server.store.runs()) == before + 1
        press(page, "Stop and keep what was learned")
        badge(page, "Stopped")


@pytest.mark.parametrize("phase", ["loading", "baselines", "training", "verifying"])
def test_pause_resume_and_stop_in_every_phase(phase: str, server: Server, visit: Visit) -> None:
    page = visit().open(server.url)
    with server.holding(phase) as let_go:
        run = start_held(server, page, phase)
        press(page, "Pause")
        badge(page, "Paused")
        step = run.status.step
        press(page, "Resume")
        badge(page, "Running")
        assert run.status.step >= step
        if phase == "verifying":
            expect(page.get_by_role("button", name="Stop and keep what was learned")).not_to_be_visible()
            let_go()
            badge(page, "Finished")
        else:
            press(page, "Stop and keep what was learned")
            badge(page, "Stopped")
    assert (run.result is not None) == (phase in ("training", "verifying"))


def test_three_visitors_queue_in_order(server: Server, visit: Visit) -> None:
    pages = [visit().open(server.url) for _ in range(3)]
    with server.holding("training"):
        runs = [server.run(start(page)) for page in pages]
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
        badge(pages[2], "Stopped")
    assert runs[1].result is None


def test_a_killed_server_finds_everything_again(make_server: Callable[[], Server], visit: Visit) -> None:
    server = make_server()
    visitor = visit()
    visitor.expected = ["ERR_CONNECTION_REFUSED", "Connection", "Failed to fetch", "ERR_EMPTY_RESPONSE", "ERR_"]
    page = visitor.open(server.url)
    with server.holding("training"):
        run = start_held(server, page, "training")
        until(lambda: run.status.step > 2, "some steps")
        server.stop(signal.SIGTERM)
        assert run.status.state == "interrupted"
        server.start()
        page = visitor.open(f"{server.url}?run={run.id}")
        badge(page, "Interrupted")
        press(page, "Resume")
        badge(page, "Running")
        server.stop(signal.SIGKILL)
        server.start()  # the worker outlived the server, and is adopted
        page = visitor.open(f"{server.url}?run={run.id}")
        badge(page, "Running")
    badge(page, "Finished")
