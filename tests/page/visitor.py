"""A visitor in Chromium, and what one does on the page."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from qlora_core.store.run import Run
from qlora_core.ui.train.setting_groups import GROUPS
from tests.page.server import PATIENCE, SMALL, until


@dataclass
class Visitor:
    """A browser with storage of its own, and what it has complained of."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  #: patterns of complaints that a test provokes

    def open(self, url: str) -> Page:
        """A tab on the page, ready to be used."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._look_at)
        page.goto(url)
        page.get_by_role("button", name="Start", exact=True).wait_for()
        return page

    def unexpected(self) -> list[str]:
        """Complaints that no test provoked."""
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _look_at(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.complaints.append(f"request to {request.url}")


def choose_small(page: Page, **changes: object) -> None:
    """Set the form to a run that really takes half a minute."""
    page.get_by_role("button", name="Advanced: every setting").click()
    for name, value in (SMALL | changes).items():
        box = setting(page, name)
        box.fill(str(value))
        box.blur()


def setting(page: Page, name: str) -> Locator:
    """The control of a setting under "Advanced", its group opened where another one is open."""
    control = page.get_by_label(re.compile(rf"\({name}\)")).first
    if not control.is_visible():
        heading = next(group.heading for group in GROUPS if name in group.names)
        page.get_by_role("button", name=heading).click()
    return control


def choose_file(visitor: Visitor, page: Page, path: Path) -> Page:
    """The page, its form holding a file of pairs."""
    visitor.expected = ["Method not implemented"]  # Gradio's upload says so whenever it is shown
    page.get_by_label("Sentence pairs").click()
    page.get_by_role("option", name="a file of your own").click()
    expect(page.get_by_text("Everybody who uses this page may see it")).to_be_visible()
    page.locator('.train-form input[type="file"]').first.set_input_files(path)
    expect(page.get_by_label("Sentence pairs")).to_have_value("a file of your own")
    expect(page.locator(".train-form").get_by_text(path.stem)).to_be_visible()
    return page


def start(page: Page) -> str:
    """Press Start; returns the run's id."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    found = re.search(r"run=([a-z0-9-]+)", page.url)
    assert found is not None
    return found[1]


def badge(page: Page, words: str | re.Pattern[str]) -> None:
    """Wait until the live view says so."""
    expect(page.locator('[data-at="badge"]')).to_have_text(words)


def wait_for_phase(run: Run, phase: str) -> None:
    """Wait until the run is in this phase."""
    until(lambda: run.status.phase == phase, f"the phase {phase}")


def press(page: Page, name: str) -> None:
    """Press one of the live view's buttons."""
    page.get_by_role("button", name=name, exact=True).click()
