"""What the page weighs in a browser: requests, bytes over the wire, and when something is first seen.

    python -m benchmarks.page_weight FOLDER [FOLDER ...] [--rounds N]

Each FOLDER is a checkout of this repository (a worktree of an earlier commit, or "."). Its ``app.py`` is served by this
Python on a store of its own; Chromium opens each page by turns, with an empty cache each time, and looks at nothing
but what the page opens with. Questions of the live view are left out.
"""

import argparse
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.harness import Row, median_and_range, report, take_turns
from benchmarks.live import serve

CHROMIUM = "/usr/bin/chromium"
#: For what is loaded after the page can be used.
REST_MILLISECONDS = 2000
#: Of each answer the bytes as they came, headers left out; "encoded" is what was packed for the way.
MEASURE = """async () => {
    const asked = (entry) => !/component_server|live\\/news|class\\/|\\/queue\\/|heartbeat/.test(entry.name);
    const [page] = performance.getEntriesByType("navigation");
    const entries = [page, ...performance.getEntriesByType("resource").filter(asked)];
    return {
        requests: entries.length,
        kilobytes: entries.reduce((sum, entry) => sum + entry.encodedBodySize, 0) / 1000,
        first_picture: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
        largest: await new Promise((done) => {
            const observer = new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime));
            observer.observe({ type: "largest-contentful-paint", buffered: true });
        }),
    };
}"""


def weigh(browser: Browser, address: str) -> Row:
    """Open the page once, in a browser that has seen nothing yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address)
    page.get_by_role("button", name="Start", exact=True).wait_for()
    usable = 1000 * (time.perf_counter() - began)
    page.wait_for_timeout(REST_MILLISECONDS)
    found: Row = page.evaluate(MEASURE)
    context.close()
    return found | {"usable": usable}


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with ExitStack() as stack:
        addresses = {
            str(folder): stack.enter_context(serve(folder.resolve() / "app.py")).url for folder in options.folders
        }
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for address in addresses.values():
            weigh(browser, address)  # what the server makes once
        found = take_turns(list(addresses), options.rounds, lambda folder: weigh(browser, addresses[folder]))
        browser.close()
    table = [
        {
            "program": folder,
            "requests": median_and_range(rows, "requests", 0),
            "kilobytes over the wire": median_and_range(rows, "kilobytes", 0),
            "first picture (ms)": median_and_range(rows, "first_picture", 0),
            "largest picture (ms)": median_and_range(rows, "largest", 0),
            "Start can be pressed (ms)": median_and_range(rows, "usable", 0),
        }
        for folder, rows in found.items()
    ]
    report("page weight", table, {"pages": found})


if __name__ == "__main__":
    main()
