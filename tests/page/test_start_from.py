"""A run that starts from another one, chosen on the page."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from qlora_core.assets import RECORDED_RUNS
from qlora_core.store.runs import RunStore
from tests.page.server import Server
from tests.page.visitor import Visitor, press, start

pytestmark = pytest.mark.browser


def test_the_recorded_run_is_started_from(server: Server, visit: Callable[..., Visitor], recorded: str) -> None:
    page = visit().open(server.url)
    page.get_by_role("button", name="Start from another run").click()
    keep = page.get_by_role("radio", name="keep")
    expect(page.get_by_role("combobox", name="Start from")).to_be_visible()
    expect(keep).to_be_hidden()
    page.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name=re.compile(f"^{recorded[-4:]}: pairs, accuracy ")).click()
    keep.check()
    page.get_by_role("button", name="Advanced: every setting").click()
    shape = RunStore(RECORDED_RUNS).open(recorded).config
    expect(page.get_by_label(re.compile(r"\(r\)")).first).to_have_value(str(shape.r))
    expect(page.get_by_label(re.compile(r"\(lora_alpha\)")).first).to_have_value(f"{shape.lora_alpha:g}")
    with server.holding("training"):
        run = server.run(start(page))
        assert (run.config.init_from, run.config.init_classifier) == (recorded, "keep")
        assert (run.start_dir / "adapter_model.safetensors").stat().st_size > 1_000_000
        expect(page.locator('[data-at="about"]')).to_contain_text(f"started from run {recorded[-4:]}")
        press(page, "Stop and keep what was learned")


def test_its_shape_is_filled_in_without_the_server(
    server: Server, visit: Callable[..., Visitor], recorded: str
) -> None:
    page = visit().open(server.url)
    page.get_by_role("button", name="Advanced: every setting").click()
    rank = page.get_by_label(re.compile(r"\(r\)")).first
    page.get_by_role("button", name="Start from another run").click()
    expect(page.get_by_role("combobox", name="Start from")).to_be_visible()
    rank.fill("4")
    page.get_by_role("combobox", name="Start from").click()
    chosen = page.get_by_role("option", name=re.compile(f"^{recorded[-4:]}: pairs, accuracy "))
    expect(chosen).to_be_visible()
    page.route("**/gradio_api/**", lambda _: None)  # no answer comes
    chosen.click()
    expect(rank).to_have_value(str(RunStore(RECORDED_RUNS).open(recorded).config.r))
    rank.fill("8")
    page.unroute_all(behavior="ignoreErrors")
    keep = page.get_by_role("radio", name="keep")
    page.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="from scratch").click()
    expect(keep).to_be_hidden()
    expect(rank).to_have_value("8")
