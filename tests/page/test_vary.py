"""A grid of settings, as a visitor asks for it on Results, watches it, and sees what it came to."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.page.server import Server
from tests.page.visitor import Visitor


def test_a_grid_is_asked_for_watched_and_its_settings_are_looked_at(
    server: Server, visit: Callable[..., Visitor], recorded: str
) -> None:
    page = visit().open(f"{server.url}?run={recorded}")
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("button", name="Vary settings").click()
    values, plan = page.get_by_label("Values, with commas between them"), page.locator("#grid-plan")
    expect(values).to_have_value("0.0002, 0.0005")
    values.fill("0.0002, no")
    expect(plan).to_contain_text("That cannot be started. learning_rate should be a valid number")
    expect(values).to_have_value("0.0002, no")
    values.fill("0.0002, 0.0003")
    page.get_by_label("Second setting").click()
    page.get_by_role("option", name="Rank (r)", exact=True).click()
    expect(values.nth(1)).to_have_value("16, 8")
    expect(plan).to_contain_text("These are 3 runs, one after the other. 1 more is on this server already")
    expect(plan).to_contain_text("not known yet")
    with server.holding("training"):
        page.get_by_role("button", name="Start these runs").click()
        page.get_by_role("button", name="Watch them").click()
        group = page.locator(".live-group")
        expect(group).to_contain_text(
            "Run 1 of 3 of this group: Rank 8, Learning rate 0.0002. How long all of them still take is not known yet."
        )
        page.wait_for_url(re.compile(r"run=\d{8}-"))
    expect(group).to_contain_text("All of them have ended.")
    page.get_by_role("button", name="Run 2: Rank 16, Learning rate 0.0003 (Finished)").click()
    expect(group).to_contain_text("Run 2 of 3 of this group")
    page.get_by_role("button", name="What they say together").click()
    expect(page.locator("#which-setting")).to_contain_text("4 of 4 runs done.")
    expect(page.locator("#which-setting .js-plotly-plot").first).to_be_visible()
