"""A file of one's own that cannot be trained on; test_page.py has one that can, from the form to a finished run."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.page.server import Server
from tests.page.visitor import Visitor, choose_file


def test_a_file_without_labels_is_refused_and_nothing_starts(
    tmp_path: Path, server: Server, visit: Callable[..., Visitor]
) -> None:
    path = tmp_path / "unlabelled.csv"
    path.write_text("sentence1,sentence2\none,two\n", encoding="utf-8")
    before = len(server.store.runs())
    visitor = visit()
    page = choose_file(visitor, visitor.open(server.url), path)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(r"That cannot be started\. .*label")).first).to_be_visible()
    assert len(server.store.runs()) == before
