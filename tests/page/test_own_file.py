"""A file of one's own, from the form to a finished run; and one that cannot be trained on."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.page.server import Server
from tests.page.visitor import Visitor, badge, choose_small, start


def open_with_file(visitor: Visitor, server: Server, path: Path) -> Page:
    """The page, its form holding a file of pairs."""
    visitor.expected = ["Method not implemented"]  # Gradio's upload says so whenever it is shown
    page = visitor.open(server.url)
    page.get_by_label("Sentence pairs").click()
    page.get_by_role("option", name="a file of your own").click()
    expect(page.get_by_text("Everybody who uses this page may see it")).to_be_visible()
    page.locator('.train-form input[type="file"]').set_input_files(path)
    expect(page.get_by_label("Sentence pairs")).to_have_value("a file of your own")
    expect(page.locator(".train-form").get_by_text(path.stem)).to_be_visible()
    return page


def test_a_file_of_ones_own_is_trained_on(pairs_file: Path, real_server: Server, visit: Callable[..., Visitor]) -> None:
    page = open_with_file(visit(), real_server, pairs_file)
    choose_small(page, num_train_epochs=1, max_eval_samples=8)
    run = real_server.run(start(page))
    badge(page, "Finished")
    assert Path(run.config.dataset).read_bytes() == pairs_file.read_bytes()
    assert run.result is not None
    assert (run.result["dataset"]["train"], run.result["dataset"]["validation"]) == (48, 8)
    expect(page.locator('[data-at="watched"]')).to_contain_text("on day")
    expect(page.locator('[data-at="title"]')).to_have_text(re.compile(r"minilm learns pairs-\w+\.jsonl"))


def test_a_file_without_labels_is_refused_and_nothing_starts(
    tmp_path: Path, server: Server, visit: Callable[..., Visitor]
) -> None:
    path = tmp_path / "unlabelled.csv"
    path.write_text("sentence1,sentence2\none,two\n", encoding="utf-8")
    before = len(server.store.runs())
    page = open_with_file(visit(), server, path)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(r"That cannot be started\. .*label")).first).to_be_visible()
    assert len(server.store.runs()) == before
