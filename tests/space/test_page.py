"""A visitor of the page who borrows a GPU, by its buttons."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from qlora_core.store.runs import RunStore
from qlora_core.ui.words.train import cpu_not_measured, loan_not_known
from tests.page.server import PATIENCE
from tests.page.visitor import Visitor, badge, choose_small, press, start
from tests.space.conftest import ENDLESS, TOKEN, Space

pytestmark = [pytest.mark.process, pytest.mark.browser, pytest.mark.xdist_group("space")]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Somebody in Chromium, whose requests bear what Hugging Face adds to them; without a complaint at the end."""
    visitor = Visitor(browser.new_context(extra_http_headers={"x-ip-token": TOKEN}))
    yield visitor
    visitor.context.close()
    assert visitor.unexpected() == []


def test_a_click_borrows_another_goes_on_and_the_cpu_is_a_choice(space: Space, visitor: Visitor) -> None:
    space.lasts(1)
    page = visitor.open(f"http://127.0.0.1:{space.port}/")
    note = page.locator('[data-at="note"]')
    expect(page.get_by_label("a borrowed GPU")).to_be_checked()
    choose_small(page)
    expect(page.locator(".block.form-expected")).to_contain_text(loan_not_known())
    expect(page.locator(".block.form-expected")).to_contain_text(cpu_not_measured().replace("**", ""))
    run = RunStore(space.folder / "runs").open(start(page))
    badge(page, "Interrupted")
    expect(note).to_contain_text("The borrowed GPU time is used up before the first step. Borrow again to go on.")

    space.api.answer = "quota"
    press(page, "Borrow a GPU")
    expect(note).to_contain_text("Your GPU quota is used up")
    expect(note).to_contain_text("Try again in 3:12:05")

    space.api.answer = ""
    space.lasts("hold")
    press(page, "Borrow a GPU")
    badge(page, "Running")
    press(page, "Give the GPU back")
    space.lasts(ENDLESS)
    expect(note).to_contain_text("given back")
    assert run.status.loan_end == "given_back"

    press(page, "Go on on the CPU")
    expect(page.locator('[data-at="badge"]')).to_have_text("Finished", timeout=1000 * PATIENCE)
    assert all(asked["token"] == TOKEN for asked in space.api.of("schedule"))
    assert run.require_result()["environment"]["device"] == "cpu"
