"""Hostile text in Chromium: a run's records, a file's name and cells are shown as text; no request leaves."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from qlora_core.store.run import Run
from tests.page.server import Server
from tests.page.visitor import Visitor, choose_file
from tests.recorded import recorded_run
from tests.ui.hostile_run import MARK, NAME, TEXT, make_hostile


@pytest.fixture
def hostile(server: Server) -> Iterator[Run]:
    """The recorded run, full of hostile text, as if somebody had brought it along."""
    run = make_hostile(recorded_run("standard"), server.store)
    yield run
    shutil.rmtree(run.path)


def test_hostile_text_is_shown_as_text_and_nothing_runs(
    hostile: Run, server: Server, tmp_path: Path, visit: Callable[..., Visitor]
) -> None:
    pairs = tmp_path / f"{NAME}.jsonl"
    row = {"sentence1": TEXT[:900], "sentence2": f"{NAME} again"}
    pairs.write_text("\n".join(json.dumps(row) for _ in range(3)), encoding="utf-8")
    visitor = visit()
    page = choose_file(visitor, visitor.open(server.url), pairs)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(r"That cannot be started\.")).first).to_be_visible()
    page.evaluate("run => qlora.follow(run)", hostile.id)
    expect(page.locator('[data-at="about"]')).to_contain_text(MARK)
    page.evaluate("run => qlora.openResults(run)", hostile.id)
    expect(page.locator("#results-headline")).to_contain_text("points of accuracy")
    expect(page.locator("#flips").get_by_role("gridcell").first).to_have_text(re.compile("fixed|broken"))
    page.get_by_role("button", name="Every setting, versions and hardware").click()
    expect(page.get_by_role("gridcell", name=re.compile(MARK)).first).to_be_attached()
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("Sentence 1").fill(TEXT[:900].replace("\x00", ""))
    page.get_by_label("Sentence 2").fill(NAME)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text(re.compile("Does the order matter to it")).first).to_be_visible()
    page.get_by_role("button", name=re.compile("Many pairs at once")).click()
    page.locator('#many-pairs input[type="file"]').set_input_files(pairs)
    page.get_by_role("button", name="Answer these pairs").click()
    expect(page.locator("#many-message")).to_contain_text("of 3 pairs are answered differently")
    assert page.evaluate("window.hacked") is None
    foreign = "img[src*=evil], img[src=x], a[href^='http://evil'], a[href^='http:evil'], a[href^=javascript]"
    assert page.locator(foreign).count() == 0
