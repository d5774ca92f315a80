"""A `quick` run on the page from the click on Start to its result: python -m tests.page.film FOLDER [WIDTH] [THEME].

Five pictures and, printed as a Markdown table, when each was taken, on a server of its own that knows nothing yet. The
run has the machine's cores to itself but for the browser; it is copied beside the pictures.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from qlora_core.store.run import Run
from tests.conftest import CHROMIUM
from tests.page.screenshots import DRAW_SECONDS, has_come_to, open_page
from tests.page.server import REAL, Server, until

#: Longest wait for anything: a slow machine trains for several minutes.
PATIENCE = 1800.0


def has_baselines(run: Run) -> bool:
    """Whether two baselines have been measured."""
    return sum(event["kind"] == "baseline" for event in run.events()) >= 2


def film(page: Page, server: Server, folder: Path) -> list[tuple[str, float]]:
    """Press Start, take the pictures, and return what each shows and the seconds since the click."""
    taken: list[tuple[str, float]] = []
    started = time.monotonic()

    def picture(words: str) -> None:
        taken.append((words, time.monotonic() - started))
        page.screenshot(path=folder / f"quick-{len(taken)}.png")

    def when(condition: Callable[[], object], words: str) -> None:
        until(condition, words, PATIENCE)
        page.wait_for_timeout(1000 * DRAW_SECONDS)
        picture(words)

    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    page.locator('[data-at="badge"][data-state="running"]').wait_for(timeout=1000 * PATIENCE)
    picture("the run has begun")
    run = server.run(page.url.partition("run=")[2])
    when(partial(has_baselines, run), "two baselines are measured")
    when(lambda: has_come_to(run, max(1, run.status.total_steps // 2)) and run.status.total_steps, "half of the steps")
    until(lambda: run.status.state == "finished", "the result", PATIENCE)
    page.locator('[data-at="badge"][data-state="finished"]').wait_for()
    picture("the result is there")
    page.get_by_role("button", name="See the results").click()
    page.get_by_role("heading", name=re.compile("accuracy", re.IGNORECASE)).first.wait_for()
    page.wait_for_timeout(1000 * DRAW_SECONDS)
    picture("Results")
    return taken


def main(folder: str, width: str = "1280", theme: str = "light") -> None:
    """Start a server, film a run on it, and print the table."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        server = Server(Path(place) / "server" / "runs", REAL, threads=None)
        server.start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = open_page(browser, f"{server.url}?__theme={theme}", int(width))
        page.wait_for_timeout(30_000)  # what the server finds out about the machine in the background
        taken = film(page, server, target)
        (run,) = server.store.runs()
        result = run.require_result()
        shutil.copytree(run.path, target / run.id, ignore=shutil.ignore_patterns("checkpoint", "owner", "worker.log"))
        browser.close()
        server.stop()
    print("| seconds after the click | what is seen |\n|---|---|")
    for words, seconds in taken:
        print(f"| {seconds:.0f} | {words} |")
    print(f"\ntraining steps alone: {result['train_seconds']:.0f} s; {result['environment']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
