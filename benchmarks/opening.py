"""A class opens the page at once: so many browsers that have seen nothing yet ask for all that the page is made of.

    python -m benchmarks.opening FOLDER [FOLDER ...] [--browsers 30] [--rounds 5]

Each FOLDER is a checkout of this repository (a worktree of an earlier commit, or "."). Its ``app.py`` is served by this
Python on a store of its own. What a page asks for is looked up in Chromium once; then programs ask for the same, each
over one connection, all at once and one folder after the other by turns. They are on the same machine as the server.
"""

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks.harness import Row, median_and_range, report, take_turns
from benchmarks.live import Server, serve
from benchmarks.page_weight import CHROMIUM, REST_MILLISECONDS
from benchmarks.watching import PATIENCE, in_threads

ENCODINGS = {"Accept-Encoding": "gzip, deflate, br"}
#: Addresses of what was asked for without sending anything, in the order in which that began.
ASKED = """() => [location.href, ...performance.getEntriesByType("resource")
    .filter((entry) => entry.initiatorType !== "fetch" && entry.name.startsWith(location.origin))
    .sort((one, other) => one.startTime - other.startTime)
    .map((entry) => entry.name)]"""


def asked_for(browser: Browser, address: str) -> list[str]:
    """What a browser that has seen nothing yet asks for when it opens the page: paths, with their queries."""
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("button", name="Start", exact=True).wait_for()
    page.wait_for_timeout(REST_MILLISECONDS)
    addresses: list[str] = page.evaluate(ASKED)
    page.close()
    return ["?".join(filter(None, urlsplit(one)[2:4])) for one in addresses]


class Opening:
    """One browser's."""

    def __init__(self, url: str, paths: Sequence[str]) -> None:
        self.seconds = 0.0  #: until all was there
        self.delays: list[float] = []  #: seconds until each answer
        self.bytes = 0
        self._host, self._paths = urlsplit(url).netloc, paths

    def open(self, done: Event) -> None:
        """Ask for everything, one after the other."""
        del done
        connection = HTTPConnection(self._host, timeout=PATIENCE)
        began = last = time.monotonic()
        for path in self._paths:
            connection.request("GET", path, headers=ENCODINGS)
            self.bytes += len(connection.getresponse().read())
            self.delays.append(time.monotonic() - last)
            last = time.monotonic()
        self.seconds = last - began
        connection.close()


def measure(server: Server, paths: Sequence[str], browsers: int) -> Row:
    """Have so many open the page at once."""
    openings = [Opening(server.url, paths) for _ in range(browsers)]
    used = server.cpu_seconds()
    with in_threads([opening.open for opening in openings]):
        pass
    used = server.cpu_seconds() - used
    delays = [delay for opening in openings for delay in opening.delays]
    return {
        "last": max(opening.seconds for opening in openings),
        "answer_95": 1000 * float(np.percentile(delays, 95)),
        "cpu_a_browser": 1000 * used / browsers,
        "kilobytes": openings[0].bytes / 1000,
        "requests": len(paths),
    }


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--browsers", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = {str(folder): stack.enter_context(serve(folder.resolve() / "app.py")) for folder in options.folders}
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            paths = {folder: asked_for(browser, server.url) for folder, server in servers.items()}
            browser.close()
        for folder, server in servers.items():
            measure(server, paths[folder], 1)  # what the server makes once
        found = take_turns(
            list(servers), options.rounds, lambda folder: measure(servers[folder], paths[folder], options.browsers)
        )
    table = [
        {
            "program": folder,
            "requests": median_and_range(rows, "requests", 0),
            "kilobytes": median_and_range(rows, "kilobytes", 0),
            "everybody has everything (s)": median_and_range(rows, "last"),
            "an answer, 95th percentile (ms)": median_and_range(rows, "answer_95", 0),
            "the server's processor time a browser (ms)": median_and_range(rows, "cpu_a_browser", 0),
        }
        for folder, rows in found.items()
    ]
    report(f"opening: {options.browsers} browsers at once", table, {"openings": found, "paths": paths})


if __name__ == "__main__":
    main()
