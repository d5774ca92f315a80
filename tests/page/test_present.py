"""The presenter's view in Chromium, and the page of those who follow."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, expect

from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess
from qlora_core.evaluation.flips import read_validation_pairs
from tests.judging import judge_ten
from tests.page.server import Server
from tests.page.visitor import Visitor, start, wait_for_phase
from tests.recorded import recorded_run


def step(page: Page, name: str) -> None:
    """Wait until a step is on show, and the address says so."""
    expect(page.locator(f'[data-step="{name}"]')).to_be_visible()
    expect(page).to_have_url(re.compile(f"present={name}"))


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled, in the view and in the step that is shown."""
    found: bool = page.locator("dialog").evaluate(
        """dialog => [dialog, dialog.querySelector("section:not([hidden])")].every(
            (one) => one.scrollHeight <= one.clientHeight + 1 && one.scrollWidth <= one.clientWidth + 1)"""
    )
    return found


def wait_until_charts_fit(page: Page) -> None:
    """Wait until both charts of the step "live" are as high as the room they have, so that no axis is cut off."""
    page.wait_for_function(
        """() => {
            const charts = [...document.querySelectorAll("dialog .present-charts .js-plotly-plot")];
            const off = (chart) => Math.abs(chart.querySelector(".main-svg").clientHeight - chart.clientHeight);
            return charts.length === 2 && charts.every((chart) => off(chart) <= 2);
        }"""
    )


def test_a_clicker_leads_through_the_steps_of_a_lesson(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 1280, "height": 720}, reduced_motion="reduce").open(f"{server.url}?present=1")
    expect(page.locator("dialog")).to_be_visible()
    code = page.get_by_alt_text("QR code of the address beside it")
    expect(code).to_be_visible()
    assert code.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(page.locator("[data-part=address]")).to_have_text(re.compile(r"^127\.0\.0\.1:\d+/\?class=1$"))
    expect(page.get_by_text("This address works on this machine alone.")).to_be_visible()
    for key, name in (("PageDown", "guess"), ("PageDown", "live"), ("ArrowRight", "pairs"), ("PageDown", "result")):
        page.keyboard.press(key)
        step(page, name)
        assert fits(page), name
        if name == "live":
            wait_until_charts_fit(page)
    expect(page.locator("[data-part=guessed]")).to_have_text("Nobody has guessed yet.")
    verdict = recorded_run("quick").require_result()["comparison"]["linear_probe"]["verdict"]
    expect(page.locator("[data-part=verdict]")).to_have_text(verdict)
    expect(page.locator("[data-part=numbers] strong").last).to_have_text(re.compile(r"^0\.\d{3}$"))
    page.keyboard.press("PageUp")
    step(page, "pairs")
    page.get_by_role("button", name="Worksheet", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the worksheet").click()
    sheet = Path(download.value.path()).read_text(encoding="utf-8")
    assert verdict in sheet
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("present="))
    page.get_by_role("button", name="Present", exact=True).click()
    expect(page.locator("dialog")).to_be_visible()


def test_a_result_beside_thirty_guesses_fits_on_a_projector(server: Server, visit: Callable[..., Visitor]) -> None:
    classroom, run = Classroom(server.store), recorded_run("quick")
    guesses = classroom.guesses(run)
    for number in range(30):
        guesses.put(f"the browser of student {number:02}", Guess(before=0.5, after=0.5 + number / 100))
    try:
        page = visit(viewport={"width": 1280, "height": 720}).open(f"{server.url}?run={run.id}&present=result")
        expect(page.locator("[data-part=caution]")).to_be_in_viewport(ratio=1)
        expect(page.locator("dialog .class-dot")).to_have_count(60)
        assert fits(page)
    finally:
        classroom.delete()


def test_thirty_judges_beside_the_models_fit_on_a_projector(server: Server, visit: Callable[..., Visitor]) -> None:
    classroom, run = Classroom(server.store), recorded_run("quick")
    book, pairs = classroom.judgements(run), read_validation_pairs(run.config).sentences
    try:
        for number in range(30):
            name = f"the browser of student {number:02}"
            judge_ten(book, pairs, name, [(place + number) % 2 == 0 for place in range(10)])
        page = visit(viewport={"width": 1280, "height": 720}).open(f"{server.url}?run={run.id}&present=judge")
        step(page, "judge")
        expect(page.locator("dialog .class-bar")).to_have_count(6)
        expect(page.get_by_text(re.compile("Judgements: 300"))).to_be_visible()
        assert fits(page)
    finally:
        classroom.delete()


def test_another_run_is_offered_and_whoever_follows_the_newest_sees_it(
    server: Server, recorded: str, visit: Callable[..., Visitor]
) -> None:
    chosen = visit().open(f"{server.url}?run={quote(recorded)}&present=live")
    newest = visit().open(f"{server.url}?present=live")
    offer = chosen.get_by_role("button", name="Another run is at work. Show it (N)")
    expect(chosen.locator("dialog [data-part=badge]")).to_have_text("Recorded run, replayed")
    expect(offer).to_be_hidden()
    with server.holding("training"):
        run = start(visit().open(server.url))
        wait_for_phase(server.run(run), "training")
        expect(newest.locator("dialog [data-part=badge]")).to_have_text("Running")
        expect(newest.locator("[data-part=explained]")).to_have_text(re.compile("^Small matrices"))
        expect(offer).to_be_visible()
        expect(chosen.locator("dialog [data-part=badge]")).to_have_text("Recorded run, replayed")
        chosen.keyboard.press("n")
        expect(chosen.locator("dialog [data-part=badge]")).to_have_text("Running")
        expect(offer).to_be_hidden()
    wait_for_phase(server.run(run), "done")


def test_a_followers_phone_shows_the_run_and_one_tap_the_whole_page(
    server: Server, recorded: str, visit: Callable[..., Visitor]
) -> None:
    phone = visit(viewport={"width": 390, "height": 800}).context.new_page()
    phone.goto(f"{server.url}?run={quote(recorded)}&class=1")
    expect(phone.locator(".live [data-at=badge]")).to_have_text("Recorded run, replayed")
    begin = phone.get_by_role("button", name="Start", exact=True)
    expect(begin).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.get_by_role("button", name="Open the whole page").click()
    expect(begin).to_be_visible()
    expect(phone).not_to_have_url(re.compile("class="))
