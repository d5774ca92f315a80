"""A visitor's whole path without a mouse: choose, start, see the results, ask, take the adapter home."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from qlora_core.ui.train.setting_groups import GROUPS
from tests.page.server import SMALL, Server
from tests.page.visitor import Visitor, badge

#: More controls than the page has.
MOST_PRESSES = 200
#: What a screen reader would call the element that has the focus; of a group's part, the part's own name.
FOCUSED = """() => {
    const part = document.activeElement;
    const label = part.labels && part.labels[0] || part;
    return (part.ariaLabel || label.innerText || part.value || "").trim();
}"""


def go_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab, or another key, until what bears this name has the focus."""
    seen = []
    for _ in range(MOST_PRESSES):
        page.keyboard.press(key)
        seen.append(str(page.evaluate(FOCUSED)).split("\n")[0])
        if re.search(name, seen[-1]):
            return
    raise AssertionError(f"'{name}' is not to be reached by {key}, only: {seen}")


def write(page: Page, text: str) -> None:
    """Put a text in the place of what the focused box holds."""
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_the_whole_path_by_keyboard_alone(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(accept_downloads=True).open(server.url)
    go_to(page, "^quick:")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="standard")).to_be_checked()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="quick")).to_be_checked()
    go_to(page, "^Advanced")
    page.keyboard.press("Enter")
    chosen = {name: SMALL[name] for name in ("num_train_epochs", "max_train_samples", "bootstrap_samples")}
    for field, value in chosen.items():
        if field not in GROUPS[0].names:
            go_to(page, next(f"^{group.heading}" for group in GROUPS if field in group.names))
            page.keyboard.press("Enter")
        go_to(page, field)
        write(page, str(value))
    go_to(page, "^Start$", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    run = server.run(page.url.partition("run=")[2])
    badge(page, "Finished")
    assert {field: getattr(run.config, field) for field in chosen} == chosen
    go_to(page, "^See the results$")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("Reload verified")).first).to_be_visible()
    go_to(page, "^Take the adapter home")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == f"{run.id}.zip"
    go_to(page, "^Compare$", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Compare", selected=True)).to_be_visible()
    go_to(page, "^Sentence 1")
    write(page, "The bakery closed early.")
    go_to(page, "^Sentence 2")
    write(page, "The bakery shut its doors early.")
    go_to(page, "^Compare$")
    page.keyboard.press("Space")
    page.wait_for_url(re.compile(r"a=The"))
    expect(page.get_by_text(re.compile("Does the order matter to it")).first).to_be_visible()
    expect(page.get_by_label("Sentence 2")).to_have_value("The bakery shut its doors early.")
