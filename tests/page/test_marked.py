"""Every tab in a language whose texts are marked: what Chromium shows holds no other word."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from qlora_core.assets import ASSETS
from tests.marked import CODE, unmarked
from tests.page.server import Server
from tests.page.visitor import Visitor

MARKED = ("-m", "tests.page.marked_server")
#: Sentences of pairs, code, and what Gradio says itself, in words of its own.
OTHERS = """
    script, style, code, kbd, [lang] > *, .language-choice, .live-watch li p, .push-text, .inside-token, [data-at=pair],
    .present-address, [data-testid=status-tracker], .modebar-group:last-child, input[type=file], .toolbar,
    .token-remove, .cell-menu-button, .reset-button, .overflow-menu, .empty, .head > input, [type=range]
"""
READ = """
    (others) => {
        const told = [];
        const isOurs = (element) => !element.closest(others) && element.checkVisibility();
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) if (isOurs(walk.currentNode.parentElement)) told.push(walk.currentNode.textContent);
        for (const name of ["aria-label", "title", "alt", "placeholder", "aria-valuetext"]) {
            const holders = [...document.querySelectorAll(`[${name}]`)].filter(isOurs);
            told.push(...holders.map((holder) => holder.getAttribute(name)));
        }
        return told;
    }
"""
PRESENTED = ("join", "guess", "live", "pairs", "result", "judge", "worksheet")


def left(page: Page) -> dict[str, list[str]]:
    """What is shown and was not marked, but for names."""
    pairs = (ASSETS / "pairs" / "validation.jsonl").read_text(encoding="utf-8")
    told = {text.strip() for text in page.evaluate(READ, OTHERS)}
    return {text: words for text in told if text not in pairs and (words := unmarked(text))}


def test_every_tab_and_slide_is_in_the_language_of_the_page(
    make_server: Callable[..., Server], visit: Callable[..., Visitor]
) -> None:
    url = make_server(MARKED).url
    page = visit(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").context.new_page()
    page.goto(f"{url}?lang={CODE}")
    expect(page.locator("[data-at=badge]")).to_be_visible()
    expect(page.locator("[data-at=watched] li").first).to_be_visible()
    assert not left(page)
    tabs = page.locator("#tabs button[role=tab]")
    for name, place, there in (
        ("results", 1, "#results-headline h2"),
        ("compare", 2, ".push-word:visible"),
        ("inside", 3, "[data-at=formats] td:visible"),
    ):
        tabs.nth(place).click()
        expect(page.locator(there).first).to_be_visible()
        assert not left(page), name
    page.goto(f"{url}?lang={CODE}&present=1")
    for step in PRESENTED:
        expect(page.locator(f"[data-step={step}]")).to_be_visible()
        assert not left(page), step
        page.keyboard.press("PageDown")
