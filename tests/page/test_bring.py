"""A run's zip is brought: dropped onto Results in a browser, and by a program."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests.packed_run import files_of, json_with, packed_recorded, without, zip_of
from tests.page.server import Server
from tests.page.visitor import Visitor


@pytest.fixture
def packed(tmp_path: Path) -> Callable[[str], Path]:
    """Makes zips of the recorded run under another name."""
    files = without(files_of(packed_recorded(tmp_path / "recorded.zip")), "sha256.json")

    def make(run_id: str) -> Path:
        return zip_of(tmp_path / f"{run_id}.zip", json_with(files, "result.json", run_id=run_id), run_id)

    return make


def test_a_zip_that_is_dropped_onto_results_is_shown_and_can_be_deleted(
    server: Server, visit: Callable[..., Visitor], packed: Callable[[str], Path]
) -> None:
    run_id = "20261101-000000-minilm-pairs-beef"
    visitor = visit()
    visitor.expected = ["Method not implemented"]  # Gradio's upload says so whenever it is shown
    page = visitor.open(server.url)
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("button", name="Bring a run").click()
    page.locator('#run-zip input[type="file"]').set_input_files(packed(run_id))
    expect(page.locator("#bring-message")).to_have_text(re.compile(f"Run {run_id} is here"))
    expect(page.locator(".prose.results-facts")).to_contain_text("was brought here on")
    run = server.store.open(run_id)
    secret = page.evaluate("() => qlora.secret()")
    assert run.is_owned_by(secret)
    run.delete()


def test_a_program_brings_one(server: Server, packed: Callable[[str], Path], tmp_path: Path) -> None:
    run_id = "20261101-000000-minilm-pairs-cafe"
    client = Client(server.url, verbose=False)
    brought = client.predict(file=handle_file(str(packed(run_id))), secret="mine", api_name="/bring_run")
    assert brought == {"run_id": run_id, "secret": "mine"}
    assert client.predict(run_id, api_name="/run_status")["state"] == "finished"
    server.store.open(run_id).delete()
    (tmp_path / "x.zip").write_bytes(b"x")
    with pytest.raises(AppError, match="no zip, or it is damaged"):
        client.predict(file=handle_file(str(tmp_path / "x.zip")), api_name="/bring_run")
    with pytest.raises(AppError, match="No file has arrived"):
        client.predict(file={"path": "/etc/passwd"}, api_name="/bring_run")
