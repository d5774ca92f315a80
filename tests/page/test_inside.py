"""The tab "Inside" in Chromium: on the recorded run's real numbers, by pointer and by keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.server import Server
from tests.page.visitor import Visitor

Visit = Callable[..., Visitor]


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Who looks."""
    return visit()


@pytest.fixture
def page(server: Server, recorded: str, visitor: Visitor) -> Page:
    """The tab, with the recorded run's inside."""
    page = visitor.open(f"{server.url}?run={recorded}")
    page.get_by_role("tab", name="Inside").click()
    expect(page.locator("#inside").get_by_text("weight 1:")).to_be_visible()
    return page


def sentence(page: Page, place: int) -> Locator:
    """One of the two boxes that the panels about answers share."""
    return page.locator("#inside").get_by_role("textbox", name=f"Sentence {place}")


def test_a_matrix_is_chosen_and_named_in_the_address(page: Page, recorded: str, visit: Visit) -> None:
    page.get_by_role("button", name=re.compile("layer 6, feed-forward out: changed by")).click()
    expect(page.get_by_text("layer 6, feed-forward out: 384 × 1536 numbers, row 1, from column 1")).to_be_visible()
    assert "matrix=5.output.dense" in page.url
    assert f"run={recorded}" in page.url
    other = visit().open(page.url)
    other.get_by_role("tab", name="Inside").click()
    chosen = other.get_by_role("button", name=re.compile("layer 6, feed-forward out"), pressed=True)
    expect(chosen).to_be_visible()


def test_a_block_is_walked_through_by_keyboard(page: Page) -> None:
    weight = page.get_by_role("slider", name="Weight of this block; arrow keys move")
    weight.focus()
    page.keyboard.press("End")
    expect(page.locator(".inside-readout").first).to_contain_text("weight 64:")
    page.keyboard.press("ArrowLeft")
    expect(weight).to_have_attribute(
        "aria-valuetext", re.compile(r"weight 63: .+ code \d+ \([01]{4}\), level .+ error")
    )
    page.get_by_label("make the chosen weight an outlier").fill("10")
    expect(page.get_by_text(re.compile("With this weight 10 times as large, .+ times as much"))).to_be_visible()


def test_what_is_looked_at_is_in_the_address(page: Page, visit: Visit) -> None:
    inside = page.locator("#inside")
    page.get_by_label("Block (of").fill("3")
    page.get_by_label("Block (of").blur()
    expect(inside.get_by_text("numbers, row 1, from column 129")).to_be_visible()
    page.locator(".inside-figure").first.press("ArrowRight")
    page.get_by_label("make the chosen weight an outlier").fill("10")
    panel = inside.get_by_role("region", name="The adapter", exact=True)
    panel.scroll_into_view_if_needed()
    panel.get_by_label("Keep the strongest directions").fill("2")
    page.wait_for_url(re.compile("rank=2"))
    assert re.search("block=3&weight=2&outlier=10", page.url)

    other = visit().open(f"{page.url}&threshold=0.7")
    other.get_by_role("tab", name="Inside").click()
    expect(other.locator(".inside-readout").first).to_contain_text("weight 2:")
    expect(other.get_by_text("numbers, row 1, from column 129")).to_be_visible()
    expect(other.get_by_text(re.compile("With this weight 10 times as large"))).to_be_visible()
    other.locator("#inside").get_by_role("region", name="The adapter", exact=True).scroll_into_view_if_needed()
    expect(other.get_by_text(re.compile('"Same meaning" with 2 directions'))).to_be_visible()
    other.get_by_role("tab", name="Results").click()
    expect(other.locator(".threshold-said")).to_contain_text("Above 0.70")  # the panel is open
    other.locator('#threshold input[type="range"]').press("ArrowLeft")
    other.wait_for_url(re.compile(r"threshold=0\.69"))


def test_memory_is_computed_for_sizes_of_ones_own(page: Page) -> None:
    panel = page.locator("#inside").get_by_role("region", name="What it saves")
    panel.scroll_into_view_if_needed()
    expect(panel.get_by_text(re.compile("of tensors instead of"))).to_be_visible()
    panel.get_by_label("Begin with").select_option("BERT-base")
    expect(panel.get_by_text(re.compile("BERT-base, 109 million parameters: QLoRA needs"))).to_be_visible()
    panel.get_by_label("hidden size h").fill("1000")
    expect(panel.get_by_label("feed-forward size f")).to_have_value("4000")
    expect(panel.get_by_text(re.compile("sizes of your own.+has to be a multiple of the heads"))).to_be_visible()


def test_fewer_directions_answer_otherwise_and_their_accuracy_can_be_watched(page: Page) -> None:
    panel = page.locator("#inside").get_by_role("region", name="The adapter", exact=True)
    panel.scroll_into_view_if_needed()
    whole = panel.get_by_text(re.compile('"Same meaning" with 16 directions'))
    expect(whole).to_be_visible()
    panel.get_by_label("Keep the strongest directions").fill("0")
    expect(panel.get_by_text(re.compile('"Same meaning" with 0 directions'))).to_be_visible()
    panel.get_by_role("button", name="Measure the accuracy").click()
    expect(panel.get_by_text(re.compile(r"With 0 directions: \d+ of \d+ right"))).to_be_visible()


def test_the_first_step_moves_b_alone(page: Page) -> None:
    panel = page.locator("#inside").get_by_role("region", name="The first step")
    panel.scroll_into_view_if_needed()
    panel.get_by_role("button", name="Draw a fresh adapter").click()
    expect(panel.get_by_text(re.compile("B is exactly 0.+A's gradient.+is exactly 0"))).to_be_visible()
    panel.get_by_role("button", name="Take step 1").click()
    expect(panel.get_by_text("A has a gradient for the first time")).to_be_visible()


def test_one_changed_word_moves_what_is_read(page: Page) -> None:
    panel = page.locator("#inside").get_by_role("region", name="Two models read one pair")
    panel.scroll_into_view_if_needed()
    expect(panel.get_by_text(re.compile("looks at: base"))).to_be_visible()
    page.get_by_role("button", name="swap the names").click()
    expect(sentence(page, 2)).to_have_value("Anna bought the boat from Ben for nine pounds.")
    assert "b=Anna+bought" in page.url
    panel.get_by_role("button", name="nine").first.click()
    expect(panel.get_by_text(re.compile('"nine" looks at'))).to_be_visible()
    sentence(page, 1).fill("<img src=x onerror='window.hacked=1'> {{1}}")
    expect(panel.get_by_role("button", name="<", exact=True).first).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_a_server_that_does_not_answer_is_said_not_to(page: Page, visitor: Visitor) -> None:
    visitor.expected = ["Failed to load resource", "Failed to fetch"]
    page.route("**/component_server**", lambda route: route.abort())
    page.get_by_role("button", name=re.compile("layer 3, key")).click()
    expect(page.get_by_text("The server does not answer. Try again in a moment.").first).to_be_visible()
    page.unroute("**/component_server**")
    page.get_by_role("button", name=re.compile("layer 2, key")).click()
    expect(page.get_by_text("layer 2, key: 384 × 384 numbers, row 1, from column 1")).to_be_visible()
