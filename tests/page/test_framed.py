"""The page in a frame of another site, as Hugging Face shows a Space; some browsers keep nothing there."""

import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import FrameLocator, Page, Playwright, expect

from qlora_core.ui.words.page import KEEPS_NOTHING, KEY_ACCEPTED, OWN_TAB
from tests.conftest import CHROMIUM
from tests.page.server import OWNER_KEY, PATIENCE, Server, until
from tests.page.visitor import Visitor

#: Chromium's own "Block third-party cookies", off and on: a frame of another site has no storage where it is on.
KEEPS = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
REFUSES = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def outside(server: Server, tmp_path: Path) -> Iterator[str]:
    """A page of another site than 127.0.0.1, which shows the server's page in a frame."""
    frame = f'<iframe src="{server.url}#owner={OWNER_KEY}" width="1200" height="760"></iframe>'
    page = tmp_path / "site" / "index.html"
    page.parent.mkdir()
    page.write_text(f'<!doctype html><link rel="icon" href="data:,"><title>outside</title>{frame}', encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(page.parent))) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield f"http://localhost:{site.server_port}/index.html"
        site.shutdown()
        thread.join()


@pytest.fixture
def visitor(refused: bool, playwright_driver: Playwright, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody whose browser keeps what pages in frames give it, or refuses that."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing; install Debian's chromium to test the page")
    preferences = tmp_path / "browser" / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps(REFUSES if refused else KEEPS), encoding="utf-8")
    context = playwright_driver.chromium.launch_persistent_context(
        preferences.parent.parent, executable_path=CHROMIUM, args=["--no-sandbox"]
    )
    visitor = Visitor(context)
    yield visitor
    context.close()
    assert visitor.complaints == []


def open_framed(visitor: Visitor, outside: str) -> tuple[Page, FrameLocator]:
    """The outer page, and the page in its frame, ready to be used."""
    page = visitor.context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.on("pageerror", lambda error: visitor.complaints.append(f"error: {error}"))
    page.goto(outside)
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Start", exact=True).wait_for()
    return page, frame


def start_framed(server: Server, frame: FrameLocator) -> str:
    """Press Start in the frame; returns the run's id."""
    before = {run.id for run in server.store.runs()}
    frame.get_by_role("button", name="Start", exact=True).click()
    until(lambda: {run.id for run in server.store.runs()} - before, "the run is there")
    return next(run.id for run in server.store.runs() if run.id not in before)


def address(page: Page) -> str:
    """What stands in the frame's address, which nobody sees."""
    return str(page.frames[1].evaluate("() => location.href"))


@pytest.mark.parametrize("refused", [False, True], ids=["kept", "refused"])
def test_what_a_visitor_keeps_in_a_frame_outlives_the_page_or_the_page_says_that_it_does_not(
    refused: bool, server: Server, outside: str, visitor: Visitor
) -> None:
    page, frame = open_framed(visitor, outside)
    expect(frame.get_by_text(KEY_ACCEPTED)).to_be_visible()
    said = frame.get_by_text(KEEPS_NOTHING)
    with server.holding("training"):
        run = server.run(start_framed(server, frame))
        until(lambda: f"run={run.id}" in address(page), "the run is in the frame's address")
        if refused:
            expect(said).to_be_visible()
            link = frame.get_by_role("link", name=OWN_TAB)
            with visitor.context.expect_page() as opened:
                link.click()
            assert opened.value.url == f"{server.url}?run={run.id}"
            opened.value.close()
        else:
            expect(said).to_be_hidden()
            page.reload()
            until(lambda: f"run={run.id}" in address(page), "the run is in the frame's address again")
        # A run that is begun here can be stopped here: by the page's memory, or by what the browser kept of it.
        frame.get_by_role("button", name="Stop and keep what was learned", exact=True).click()
        until(lambda: run.requested() == "stop" or not run.status.is_going_on, "the run is told to stop")
