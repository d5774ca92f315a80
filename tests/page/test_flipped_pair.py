"""A pair that fine-tuning fixed or broke is taken from "Results" to "Compare" by a click."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.page.server import Server
from tests.page.visitor import Visitor


def test_a_flipped_pair_is_asked_again_by_a_click(server: Server, recorded: str, visit: Callable[..., Visitor]) -> None:
    page = visit().open(f"{server.url}?run={recorded}")
    page.get_by_role("tab", name="Results").click()
    cells = page.locator("#flips").get_by_role("gridcell")
    expect(cells.first).to_have_text(re.compile("fixed|broken"))
    first, second = (cells.nth(column).inner_text().strip() for column in (1, 2))
    cells.nth(1).click()
    expect(page.get_by_role("tab", name="Compare", selected=True)).to_be_visible()
    expect(page.get_by_label("Sentence 1")).to_have_value(first)
    expect(page.get_by_label("Sentence 2")).to_have_value(second)
    expect(page.get_by_text("From the tab Results.")).to_be_visible()
    expect(page.get_by_text(re.compile("Does the order matter to it")).first).to_be_visible()
    expect(page.get_by_role("combobox", name="Second")).to_have_value(re.compile(recorded[-4:]))
