"""A lesson rehearsed: thirty browsers' worth of students, a presenter and a phone in Chromium, on one server.

    python -m benchmarks.rehearsal lesson FOLDER [--students 30] [--changes NAME=VALUE ...]
    python -m benchmarks.rehearsal cost [--students 30] [--rounds 4] [--seconds 120]

``lesson`` goes through docs/lesson.md: the presenter asks for guesses and starts a run of the page's own choices, the
class guesses and judges, the run trains, its result and the room's come, the presenter repeats it with other seeds and
takes the worksheet home. Pictures of both windows lie in FOLDER; printed are when each was taken, and how long the
students waited for their answers. ``--changes`` makes the run another one, such as ``max_train_samples=400``.

``cost`` tells what a class takes from the run that it watches: examples a second of one real run without students and
with, by turns, and the processor time that the server took meanwhile. The students are a program on the same machine,
whose own time is told beside it.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from gradio_client import Client
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from benchmarks.harness import Row, median, median_and_range, report, take_turns
from benchmarks.live import WARM_UP_STEPS, Server, serve
from benchmarks.students import Delays, Student, a_class, all_delays
from qlora_core.store.run import Run
from qlora_core.ui.train.setting_groups import GROUPS

CHROMIUM = "/usr/bin/chromium"
#: Of the presenter's window and the phone's.
SIZES: tuple[ViewportSize, ...] = ({"width": 1280, "height": 720}, {"width": 390, "height": 844})
PATIENCE = 1800.0  #: seconds that anything may take
DRAW_MILLISECONDS = 2000
MORE_SEEDS = 2
AIM_MILLISECONDS = 300
ALONE, WATCHED = "without students", "with students"


@dataclass
class Lesson:
    """What the two windows show, and when."""

    server: Server
    presenter: Page
    phone: Page
    folder: Path
    began: float = field(default_factory=time.monotonic)
    taken: list[dict[str, str]] = field(default_factory=list)

    def pictures(self, words: str) -> None:
        """One of each window, and the clock's time."""
        seconds = time.monotonic() - self.began
        number = len(self.taken) + 1
        self.presenter.wait_for_timeout(DRAW_MILLISECONDS)
        for name, page in (("presenter", self.presenter), ("phone", self.phone)):
            page.screenshot(path=self.folder / f"{number:02}-{name}.png")
        self.taken.append({"minute": f"{seconds / 60:.1f}", "what happens": words})
        print(f"{seconds / 60:5.1f} min  {words}", file=sys.stderr, flush=True)

    def present(self, step: str) -> None:
        """Have the presenter's view show a step."""
        page = self.presenter
        if not page.locator("dialog").is_visible():
            page.get_by_role("button", name="Present", exact=True).click()
        page.locator(f'dialog [data-go="{step}"]').click()
        page.locator(f'dialog[data-shown="{step}"]').wait_for()

    def leave(self) -> None:
        """Go back to the whole page."""
        self.presenter.keyboard.press("Escape")
        expect(self.presenter.locator("dialog")).to_be_hidden()


def until(condition: Callable[[], object], page: Page, words: str) -> None:
    """Wait, and let the browser go on meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {PATIENCE:.0f} s: {words}")
        page.wait_for_timeout(500)


def begin(lesson: Lesson, changes: Mapping[str, str]) -> Run:
    """The presenter asks for guesses and presses Start; the phone comes to the run by the code's address."""
    page = lesson.presenter
    if changes:
        page.get_by_role("button", name="Advanced: every setting").click()
    for name, value in changes.items():
        box = page.get_by_label(re.compile(rf"\({name}\)")).first
        if not box.is_visible():
            page.get_by_role("button", name=next(group.heading for group in GROUPS if name in group.names)).click()
        box.fill(value)
        box.blur()
    page.get_by_label("Wait for guesses").check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    run = lesson.server.store.open(page.url.partition("run=")[2].partition("&")[0])
    lesson.present("join")
    lesson.phone.goto(f"{lesson.server.url}?run={run.id}&class=1")
    lesson.phone.get_by_role("slider", name="Accuracy after training").wait_for()
    return run


def guess(lesson: Lesson, students: list[Student]) -> None:
    """Everybody writes a guess down."""
    lesson.phone.get_by_role("slider", name="Accuracy after training").fill("0.7")
    lesson.phone.get_by_role("button", name="Write my guess down").click()
    lesson.present("guess")
    everybody = f"{len(students) + 1} browsers have guessed."
    expect(lesson.presenter.locator("[data-part=guessed]")).to_have_text(everybody, timeout=1000 * PATIENCE)
    lesson.pictures("everybody has guessed")


def train_and_judge(lesson: Lesson, run: Run) -> None:
    """Training begins; everybody judges meanwhile."""
    lesson.leave()
    lesson.presenter.get_by_role("button", name="Begin training", exact=True).click()
    lesson.present("live")
    lesson.phone.get_by_text("Be the judge").click()
    lesson.phone.get_by_role("button", name="Begin to judge").click()
    for number in range(1, 11):
        lesson.phone.get_by_text(f"Pair {number} of 10").wait_for()
        if number == 3:
            lesson.pictures("baselines are measured, the class judges")
        lesson.phone.keyboard.press("1" if number % 2 else "2")
    until(lambda: run.status.total_steps and run.status.step >= run.status.total_steps // 2, lesson.phone, "half")
    lesson.pictures("half of the training")
    until(lambda: run.status.state == "finished", lesson.phone, "the result")
    lesson.presenter.locator("[data-part=badge][data-state=finished]").wait_for()
    lesson.present("result")
    lesson.pictures("the result, beside the guesses")
    lesson.present("judge")
    lesson.pictures("the room as judge")


def repeat(lesson: Lesson, run: Run) -> None:
    """The presenter runs it again with other seeds and sees the spread."""
    lesson.leave()
    page = lesson.presenter
    page.goto(f"{lesson.server.url}?run={run.id}")
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("button", name="Other seeds").click()
    page.get_by_role("button", name="Run again with other seeds").click()
    until(lambda: len(lesson.server.store.runs()) == 1 + MORE_SEEDS, page, "the other runs")
    others = [one for one in lesson.server.store.runs() if one.id != run.id]
    until(lambda: all(one.status.state == "finished" for one in others), page, "the other seeds")
    page.get_by_role("button", name="Look again").click()
    page.locator(".figure-spread .js-plotly-plot").wait_for()
    page.locator("#other-seeds").scroll_into_view_if_needed()
    lesson.pictures("three seeds, and what may be claimed")


def take_home(lesson: Lesson, run: Run) -> None:
    """The worksheet is downloaded and looked at, as it would be printed."""
    lesson.presenter.goto(f"{lesson.server.url}?run={run.id}&present=worksheet")
    lesson.presenter.locator('dialog[data-shown="worksheet"]').wait_for()
    lesson.pictures("the worksheet")
    with lesson.presenter.expect_download() as download:
        lesson.presenter.get_by_role("button", name="Download the worksheet").click()
    sheet = lesson.folder / "worksheet.html"
    download.value.save_as(sheet)
    lesson.phone.goto(sheet.resolve().as_uri())
    lesson.phone.screenshot(path=lesson.folder / "worksheet.png", full_page=True)


@contextmanager
def windows(browser: Browser, server: Server, folder: Path) -> Iterator[Lesson]:
    """The presenter's window and the phone's."""
    presenter, phone = (browser.new_context(viewport=size, reduced_motion="reduce").new_page() for size in SIZES)
    for page in (presenter, phone):
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(server.url)
        page.get_by_role("button", name="Start", exact=True).wait_for()
    yield Lesson(server, presenter, phone, folder)


def rehearse(folder: Path, count: int, changes: Mapping[str, str]) -> tuple[Lesson, list[Student]]:
    """The whole lesson."""
    folder.mkdir(parents=True, exist_ok=True)
    with serve() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with windows(browser, server, folder) as lesson:
            run = begin(lesson, changes)
            with a_class(count, server.url, run.id) as students:
                lesson.pictures("the class joins")
                guess(lesson, students)
                train_and_judge(lesson, run)
                repeat(lesson, run)
                take_home(lesson, run)
        browser.close()
    return lesson, students


def waited(delays: Delays) -> list[dict[str, str]]:
    """A row for each thing that was asked: how often, and how long an answer took."""
    rows = []
    for name, seconds in sorted(delays.items()):
        half, most, longest = 1000 * np.percentile(seconds, [50, 95, 100])
        rows.append(
            {
                "asked": name,
                "answers": f"{len(seconds):,}",
                "median (ms)": f"{half:.0f}",
                "95th percentile (ms)": f"{most:.0f}",
                "longest (ms)": f"{longest:.0f}",
            }
        )
    return rows


def report_lesson(folder: Path, count: int, changes: Mapping[str, str]) -> None:
    """Rehearse, and print what happened when and how long everybody waited."""
    lesson, students = rehearse(folder, count, changes)
    delays = all_delays(students)
    refused = [words for student in students for words in student.refused]
    report("rehearsal: what happened when", lesson.taken, {"judged": [student.judged for student in students]})
    report(
        f"rehearsal: what {count} students waited",
        waited(delays),
        {"aim_milliseconds": AIM_MILLISECONDS, "refused": refused, "delays": delays},
    )


def measure_cost(count: int, rounds: int, seconds: float) -> None:
    """One real run, watched by a class and not, by turns."""
    waits: Delays = {}
    with serve() as server:
        client = Client(server.url, verbose=False)
        started = client.predict("minilm", "pairs", "standard", {"max_eval_samples": 48}, "", api_name="/start_run")
        run = server.store.open(started["run_id"])
        while run.status.step < WARM_UP_STEPS:
            time.sleep(0.5)

        def measure(form: str) -> Row:
            with a_class(count if form == WATCHED else 0, server.url, run.id) as students:
                began, used, asking = time.time(), server.cpu_seconds(), time.process_time()
                time.sleep(seconds)
                ended, used, asking = time.time(), server.cpu_seconds() - used, time.process_time() - asking
            for name, found in all_delays(students).items():
                waits.setdefault(name, []).extend(found)
            steps = sum(event["kind"] == "step" and began <= event["time"] < ended for event in run.events())
            return {
                "examples_per_second": run.config.train_batch_size * steps / (ended - began),
                "server_percent": 100 * used / (ended - began),
                "students_percent": 100 * asking / (ended - began),
            }

        found = take_turns([ALONE, WATCHED], rounds, measure)
        client.predict(run.id, "stop", started["secret"], api_name="/control_run")
    table = [
        {
            "the run": form,
            "examples a second": median_and_range(rows, "examples_per_second", 2),
            "the server (% of a core)": median_and_range(rows, "server_percent"),
            "the students' own program (% of a core)": median_and_range(rows, "students_percent"),
        }
        for form, rows in found.items()
    ]
    alone, watched = (median(found[form], "examples_per_second") for form in (ALONE, WATCHED))
    report("rehearsal: what a class costs the run", table, {"runs": found, "slower_by": 1 - watched / alone})
    report(f"rehearsal: what {count} students waited beside it", waited(waits), {"aim_milliseconds": AIM_MILLISECONDS})


def main() -> None:
    """Read the command line and rehearse, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    lesson, cost = actions.add_parser("lesson"), actions.add_parser("cost")
    for action in (lesson, cost):
        action.add_argument("--students", type=int, default=30)
    lesson.add_argument("folder", type=Path)
    lesson.add_argument("--changes", nargs="*", default=[], metavar="NAME=VALUE")
    cost.add_argument("--rounds", type=int, default=4)
    cost.add_argument("--seconds", type=float, default=120.0, help="each measurement lasts so long")
    options = parser.parse_args()
    if options.action == "lesson":
        changes = dict(change.split("=", 1) for change in options.changes)
        report_lesson(options.folder, options.students, changes)
    else:
        measure_cost(options.students, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
