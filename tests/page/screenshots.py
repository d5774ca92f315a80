"""Pictures of the running page: python -m tests.page.screenshots FOLDER, every tab, light and dark, wide and narrow.

First on a server without runs of its own, then "Fine-tune" while a run begins, and every tab while it trains.
"""

import re
import sys
import tempfile
from functools import partial
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from qlora_core.store.run import Run
from tests.conftest import CHROMIUM
from tests.page.server import OWNER_KEY, REAL, Server, until

TABS = {"Fine-tune": "fine-tune", "Results": "results", "Compare": "compare", "Inside": "inside"}
OTHER_TABS = {tab: name for tab, name in TABS.items() if tab != "Fine-tune"}
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
#: A recorded run is replayed in less; models are loaded and charts drawn in less.
SETTLE_SECONDS = {"Fine-tune": 27, "Results": 20, "Compare": 30, "Inside": 15}
DRAW_SECONDS = 2
RUN_SECONDS = 1800.0  #: that a busy machine may take to get to the step that is looked at


def take(browser: Browser, url: str, folder: Path, width: int, theme: str) -> None:
    """One picture of each tab."""
    page = open_page(browser, f"{url}?__theme={theme}", width)
    for tab, name in TABS.items():
        open_and_settle(page, tab)
        page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
    page.close()


def take_live(browser: Browser, server: Server, folder: Path) -> None:
    """Start a run and take pictures of it: before its training, and with something learned."""
    page = open_page(browser, server.url, 1280)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    run = server.run(page.url.partition("run=")[2])
    page.close()
    for moment, step in (("begins", 0), ("trains", 90)):
        until(partial(has_come_to, run, step), f"step {step}", RUN_SECONDS)
        for width, theme in product(WIDTHS, THEMES):
            page = open_page(browser, f"{server.url}?__theme={theme}#owner={OWNER_KEY}", width)
            page.locator('[data-at="badge"][data-state="running"]').wait_for()
            page.wait_for_timeout(1000 * DRAW_SECONDS)
            page.screenshot(path=folder / f"run-{moment}-{width}-{theme}.png", full_page=True)
            for tab, name in OTHER_TABS.items() if step else ():
                open_and_settle(page, tab)
                page.screenshot(path=folder / f"run-{moment}-{name}-{width}-{theme}.png", full_page=True)
            page.close()


def has_come_to(run: Run, step: int) -> bool:
    """Whether so many steps are done."""
    return run.status.step >= step


def open_page(browser: Browser, url: str, width: int) -> Page:
    """The page, ready to be used."""
    page = browser.new_page(viewport={"width": width, "height": 860})
    page.goto(url)
    page.get_by_role("button", name="Start", exact=True).wait_for()
    return page


def open_and_settle(page: Page, tab: str) -> None:
    """Open a tab and give its charts and answers time to come."""
    page.get_by_role("tab", name=tab).click()
    page.wait_for_timeout(1000 * SETTLE_SECONDS[tab])


def main(folder: str) -> None:
    """Start a server without runs of its own, so that the recorded run is shown, and take the pictures."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        server = Server(Path(place) / "server" / "runs", REAL)
        server.start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, theme in product(WIDTHS, THEMES):
            take(browser, server.url, target, width, theme)
        take_live(browser, server, target)
        browser.close()
        server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
