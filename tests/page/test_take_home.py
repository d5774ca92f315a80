"""A visitor takes a run home by the buttons of Results: the merged model, and a push to an account of their own."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from qlora_core.ui.words import finished as words
from tests.page.server import Server
from tests.page.visitor import Visitor
from tests.small_hub import ACCOUNT, TOKEN, SmallHub, serving


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    """A hub on loopback."""
    with serving() as hub:
        yield hub


@pytest.fixture
def signing_in(hub: SmallHub, tmp_path: Path) -> Iterator[Server]:
    """A server whose visitors can sign in to that hub, as Gradio pretends it on a machine that is no Space."""
    variables = {
        "OAUTH_CLIENT_ID": "an-id",
        "HF_ENDPOINT": hub.address,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    variables |= {"HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hub")}
    server = Server(tmp_path / "runs", ("-m", "tests.page.signing_in_server"), variables=variables)
    server.start()
    yield server
    server.stop()
    assert TOKEN not in server.log


def test_the_merged_model_and_a_push_by_the_buttons(
    signing_in: Server, hub: SmallHub, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    visitor = visit()
    page = visitor.open(signing_in.url)
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("button", name=words.PUSH).click()
    page.get_by_role("button", name=words.PUSH_NOW, exact=True).click()
    outcome = page.locator("#push")
    expect(outcome).to_contain_text("Nothing was pushed.")

    visitor.expected = ["AbortError", "errored out"]  # what the page waits for as it is left
    with page.expect_navigation(url=signing_in.url):
        page.get_by_role("button", name=words.SIGN_IN).click()
    page.get_by_role("button", name="Start", exact=True).wait_for()
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("button", name=words.PUSH).click()
    expect(page.get_by_role("button", name="Sign out (Somebody)")).to_be_visible()
    page.get_by_label(words.REPOSITORY).fill("my-run")
    page.get_by_role("button", name=words.PUSH_NOW, exact=True).click()
    expect(outcome.get_by_role("link", name=f"{hub.address}/{ACCOUNT}/my-run")).to_be_visible()
    pushed = hub.repositories[f"{ACCOUNT}/my-run"]
    assert pushed.private
    assert {"adapter_model.safetensors", "README.md"} <= set(pushed.files)

    with page.expect_download() as downloading:
        page.get_by_role("button", name=words.MERGED).click()
    downloading.value.save_as(tmp_path / "merged.zip")
    with zipfile.ZipFile(tmp_path / "merged.zip") as merged:
        names = {Path(name).name for name in merged.namelist()}
    assert {"model.safetensors", "config.json", "README.md"} <= names
