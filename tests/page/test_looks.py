"""What the page is like to use: accessible, by keyboard alone, on a phone, and with whatever a visitor types."""

import re
import time
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe, AxeResults
from playwright.sync_api import Page, expect

from tests.page.server import Server
from tests.page.visitor import Visitor, badge, press, start

#: Each tab, and what is there once its charts and answers have come; the page polls, so the network never rests.
TABS = {
    "Fine-tune": '[data-at="loss"] .main-svg',
    "Results": "text=Reload verified",
    "Compare": "text=Does the order matter",
    "Inside": "text=weight 1:",
}
SENTENCES = {
    "script": "<script>window.hacked = 1</script><img src=x onerror='window.hacked=1'>",
    "template": "${window.hacked = 1} {{constructor.constructor('window.hacked=1')()}}",
    "quotes": "\"He said 'it''s' `fine`\" \\ & < >",
    "emoji": "The \U0001f98a met the \U0001f469\u200d\U0001f680 at noon.",
    "arabic": "المطر ينزل في المدينة.",
    "markdown": "[link](javascript:alert(1)) **bold** # head | table |",
    "long": "word " * 999 + "end.",
}
#: Whether the page's address says that this sentence was answered; one that is too long for an address leaves it.
ANSWERED = """sentence => {
    const answered = new URL(location.href).searchParams.get("a");
    return answered === sentence || (answered === null && sentence.length > 4000);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_tab(theme: str, server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(f"{server.url}?__theme={theme}")
    for tab in TABS:
        open_tab(page, tab)
        found = examined(page)
        assert found.violations_count == 0, f"{tab}: {found.generate_report()}"


def examined(page: Page) -> AxeResults:
    """What axe finds once the tab has come to rest: what is faded because it is being filled has no contrast yet."""
    deadline = time.monotonic() + 60
    while (found := Axe().run(page)).violations_count and time.monotonic() < deadline:
        pass
    return found


def open_tab(page: Page, name: str) -> None:
    """Open a tab and wait for what it shows of a run."""
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name, selected=True)).to_be_visible()
    expect(page.locator(TABS[name]).first).to_be_visible()


def test_nothing_scrolls_sideways_on_a_phone(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(server.url)
    for tab in TABS:
        open_tab(page, tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab


#: Resolves to what is seen of the text under a progress bar, and of the bar's parts, once the text is hidden or the bar
#: has gone.
PROGRESS_SEEN = """window.progressSeen = new Promise(resolve => {
    let seen = null;
    const look = () => {
        const bar = document.querySelector("#many-message .progress-level")?.closest(".wrap");
        if (!bar && seen) return resolve(seen);
        if (bar) {
            const [time, what, line] = [".progress-text", ".progress-level-inner", ".progress-bar-wrap"]
                .map(part => bar.querySelector(part).getBoundingClientRect());
            const under = bar.parentElement.querySelector(".pending");
            seen = {
                under: under && getComputedStyle(under).visibility,
                over: [time.bottom > what.top + 1, what.bottom > line.top + 1],
                out: line.bottom > bar.parentElement.getBoundingClientRect().bottom + 1,
            };
            if (seen.under === "hidden") return resolve(seen);
        }
        requestAnimationFrame(look);
    };
    look();
})"""


@pytest.mark.parametrize("width", [390, 1280])
def test_a_progress_bar_lies_over_nothing(width: int, server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": width, "height": 844}).open(server.url)
    page.goto(f"{server.url}?lang=de")  # longer words
    page.get_by_role("tab", name="Vergleichen").click()
    page.get_by_role("button", name=re.compile("Viele Paare auf einmal")).click()
    page.get_by_label("Oder eingefügte Zeilen").fill("It is late. | It is not early.\n" * 100)
    page.evaluate(f"void ({PROGRESS_SEEN})")
    page.get_by_role("button", name="Diese Paare beantworten").click()
    assert page.evaluate("window.progressSeen") == {"under": "hidden", "over": [False, False], "out": False}


def test_a_run_started_on_a_phone_comes_into_view(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(server.url)
    expect(page.locator('[data-at="loss"]')).not_to_be_in_viewport()
    with server.holding("training"):
        start(page)
        expect(page.locator('[data-at="loss"]')).to_be_in_viewport()
        expect(page.get_by_role("progressbar", name="Progress of this phase")).to_be_in_viewport()
        press(page, "Stop and keep what was learned")
        badge(page, "Stopped")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_live_view(width: int, server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": width, "height": 844}).open(server.url)
    expect(page.locator('[data-at="watched"] li')).to_have_count(6)
    page.get_by_text("The same as a table").click()
    inside = page.locator(".live").evaluate(
        """card => Array.from(card.querySelectorAll("*")).filter(part =>
             !part.closest("svg, .sr-only, .modebar") && part.getBoundingClientRect().width
             && part.getBoundingClientRect().right > card.getBoundingClientRect().right + 1).length"""
    )
    assert inside == 0


def test_buttons_of_a_row_are_of_one_height_and_in_line(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    row = page.get_by_role("group", name="This run").get_by_role("button")
    expect(row).to_have_count(3)
    heights = {(box["y"], box["height"]) for button in row.all() if (box := button.bounding_box())}
    assert len(heights) == 1, heights


def test_the_first_screen_says_what_to_press_without_scrolling(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    box = page.get_by_role("button", name="Start", exact=True).bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800


def test_what_will_be_trained_is_said_before_anything_is_pressed(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    expect(page.get_by_text(re.compile(r"Trains 812,930 of [\d,]+ parameters"))).to_be_visible()


def test_time_and_memory_can_be_measured_first(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    page.get_by_role("button", name="Measure time and memory first").click()
    expect(page.get_by_text(re.compile(r"Expected on a pretended processor: .+ GB of memory"))).to_be_visible()


def test_the_keyboard_alone_reaches_every_step(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    reached: set[str] = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        name = page.evaluate("(document.activeElement.innerText || document.activeElement.ariaLabel || '').trim()")
        reached.add(str(name).split("\n")[0])
        if "Start" in reached and "Fine-tune" in reached:
            break
    assert {"Fine-tune", "Start"} <= reached
    page.get_by_role("tab", name="Fine-tune").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Results", selected=True)).to_be_visible()


def test_any_sentence_is_answered_and_never_run(server: Server, recorded: str, visit: Callable[..., Visitor]) -> None:
    page = visit().open(f"{server.url}?run={recorded}")
    open_tab(page, "Compare")
    first, second = page.get_by_label("Sentence 1"), page.get_by_label("Sentence 2")
    for sentence in SENTENCES.values():
        first.fill(sentence)
        second.fill("An ordinary sentence that says something else.")
        page.get_by_role("button", name="Compare", exact=True).click()
        page.wait_for_function(ANSWERED, arg=sentence)
        expect(page.get_by_text(re.compile("Does the order matter to it")).first).to_be_visible()
        assert page.evaluate("window.hacked") is None, sentence
        assert first.input_value() == sentence


def test_a_sentence_that_is_too_long_is_refused_in_words_and_kept(
    server: Server, recorded: str, visit: Callable[..., Visitor]
) -> None:
    page = visit().open(f"{server.url}?run={recorded}")
    open_tab(page, "Compare")
    first = page.get_by_label("Sentence 1")
    first.evaluate("box => box.removeAttribute('maxlength')")
    first.fill("x" * 6000)
    page.get_by_label("Sentence 2").fill("Another.")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text(re.compile("5,?000")).first).to_be_visible()
    assert len(first.input_value()) >= 5000
