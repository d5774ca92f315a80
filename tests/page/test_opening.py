"""What the page opens with, found out while it is already there; what a visitor chose stays."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.server import Server
from tests.page.visitor import Visitor


@pytest.fixture
def server_with_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Callable[[], None]]]:
    """A server on a machine that seems to have a GPU, whose doctor has not spoken yet, and what lets him speak."""
    monkeypatch.setenv("PRETENDED_DEVICE", "cuda")
    server = Server(tmp_path / "runs")
    with server.holding("doctor") as let_go:
        server.start()
        yield server, let_go
    server.stop()


def shown(page: Page) -> tuple[str, str, str]:
    """Base model, pairs and preset, as the form shows them, by their first words."""
    subject = [page.get_by_label(name).first.input_value() for name in ("Base model", "Sentence pairs")]
    preset = page.locator(".preset-choice label.selected").inner_text()
    base_model, dataset, preset = (text.partition(":")[0].strip() for text in [*subject, preset])
    return base_model, dataset, preset


def test_the_page_opens_on_the_classic_where_nobody_has_chosen(
    server_with_gpu: tuple[Server, Callable[[], None]], visit: Callable[..., Visitor]
) -> None:
    server, let_the_doctor_speak = server_with_gpu
    waits, chooses = visit().open(server.url), visit().open(server.url)
    assert shown(waits) == shown(chooses) == ("minilm", "pairs", "quick")
    chooses.get_by_role("radio", name="notebook").check()
    expect(chooses.locator(".block.form-expected")).to_contain_text("74,498")
    let_the_doctor_speak()
    expect(waits.get_by_role("radio", name="standard:")).to_be_checked()
    expect(waits.get_by_label("Base model").first).to_have_value("bert-base-cased: 12 layers, 108 M")
    assert shown(waits)[:2] == ("bert-base-cased", "mrpc")
    later = visit().open(server.url)
    expect(later.get_by_role("radio", name="standard:")).to_be_checked()
    assert shown(chooses) == ("minilm", "pairs", "notebook")
    expect(chooses.locator(".block.form-expected")).to_contain_text("74,498")


def test_a_preset_fills_in_its_settings_without_the_server(server: Server, visit: Callable[..., Visitor]) -> None:
    page = visit().open(server.url)
    page.get_by_role("button", name="Advanced: every setting").click()
    epochs = page.get_by_label(re.compile(r"\(num_train_epochs\)")).first
    expect(epochs).to_have_value("1")
    page.route("**/gradio_api/**", lambda _: None)  # no answer comes
    page.get_by_role("radio", name="standard:").check()
    expect(epochs).to_have_value("4")
    epochs.fill("2")
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("radio", name="standard:").press("ArrowRight")
    expect(epochs).to_have_value("3")
