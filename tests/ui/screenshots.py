"""Pictures of the running page: python -m tests.ui.screenshots [FOLDER], every tab, light and dark, wide and narrow.

Without a folder, only the pictures that README and docs show are made, in docs/images/.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.ui.conftest import CHROMIUM, ROOT, Server

TABS = {"Fine-tune": "fine-tune", "Results": "results", "Compare": "compare"}
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
#: A recorded run is replayed in less; models are loaded and charts drawn in less.
SETTLE_SECONDS = {"Fine-tune": 27, "Results": 20, "Compare": 30}


def take(browser: Browser, url: str, folder: Path, width: int, theme: str, suffix: str, *, whole: bool) -> None:
    """One picture of each tab."""
    page = browser.new_page(viewport={"width": width, "height": 860})
    page.goto(f"{url}?__theme={theme}")
    page.get_by_role("button", name="Start", exact=True).wait_for()
    for tab, name in TABS.items():
        open_and_settle(page, tab)
        page.screenshot(path=folder / f"{name}{suffix}.png", full_page=whole)
    page.close()


def open_and_settle(page: Page, tab: str) -> None:
    """Open a tab and give its charts and answers time to come."""
    page.get_by_role("tab", name=tab).click()
    page.wait_for_timeout(1000 * SETTLE_SECONDS[tab])


def main(folder: str | None = None) -> None:
    """Start a server without runs of its own, so that the recorded run is shown, and take the pictures."""
    target = Path(folder) if folder else ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        server = Server(Path(place) / "server" / "runs")
        server.start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if folder is None:
            take(browser, server.url, target, 1280, "light", "", whole=False)
        else:
            for width in WIDTHS:
                for theme in THEMES:
                    take(browser, server.url, target, width, theme, f"-{width}-{theme}", whole=True)
        browser.close()
        server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
