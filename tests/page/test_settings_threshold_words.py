"""Groups of settings, the threshold and the words that pushed an answer, as a visitor without a mouse meets them."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from qlora_core.ui.train.setting_groups import GROUPS
from tests.page.server import Server
from tests.page.visitor import Visitor, setting


def test_opening_a_group_of_settings_closes_the_one_that_was_open(
    server: Server, visit: Callable[..., Visitor]
) -> None:
    page = visit().open(server.url)
    expect(page.get_by_text(re.compile(r"Trains 812,930 of [\d,]+ parameters"))).to_be_visible()  # it is filled in
    page.get_by_role("button", name="Advanced: every setting").click()
    expect(page.get_by_label("(learning_rate)").first).to_be_visible()
    other = setting(page, "seed")
    expect(other).to_be_visible()
    other.fill("7")
    expect(page.get_by_label("(learning_rate)")).to_be_hidden()
    page.get_by_role("button", name=GROUPS[0].heading).click()
    expect(setting(page, "learning_rate")).to_be_visible()
    expect(page.get_by_label("(seed)")).to_be_hidden()
    expect(setting(page, "seed")).to_have_value("7")


def test_a_threshold_is_moved_by_the_arrow_keys(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("button", name="Another threshold").click()
    said = page.locator(".threshold-said")
    expect(said).to_contain_text("Above 0.50")
    page.locator('#threshold input[type="range"]').focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Above 0.51")


def test_a_word_that_has_the_focus_shows_how_it_pushed(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    page.goto(f"{server.url}?a=The+cat+sat.&b=The+cat+stood.")  # which opens Compare
    word = page.locator(".push-word", has_text="stood").last
    expect(word).to_be_visible()
    expect(word.locator(".push-number")).to_be_hidden()
    word.focus()
    expect(word.locator(".push-number")).to_be_visible()
    expect(page.locator(".pair-proof")).to_contain_text("largest difference 0.0")
