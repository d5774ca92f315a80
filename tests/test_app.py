"""The order in which a server starts."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import app
from qlora_core.server.services import Services
from tests.conftest import free_port


class Page:
    """Stands in for Gradio's page, and notes what it is told."""

    server = None

    def __init__(self, told: list[str], error: type[BaseException] | None = None) -> None:
        self.told, self.error = told, error

    def launch(self, *, prevent_thread_lock: bool, **_: Any) -> None:
        """Bind the port."""
        self.told.append("launch")
        assert prevent_thread_lock
        if self.error is not None:
            raise self.error

    def block_thread(self) -> None:
        """Serve."""
        self.told.append("serve")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order; nothing of it really does."""
    told: list[str] = []
    monkeypatch.setenv("QLORA_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(Services, "start", lambda _: told.append("start"))
    monkeypatch.setattr(app, "build_app", lambda _: Page(told))
    monkeypatch.setattr(app.atexit, "register", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("GRADIO_SERVER_PORT", str(free_port()))
    for change in ("keep_requests_out_of_the_log", "raise_handle_limit", "limit_connections", "open_queue"):
        monkeypatch.setattr(app, change, lambda *_: None)
    return told


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """What the server says that does not start."""
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 2
    return capsys.readouterr().err


def test_no_run_begins_before_the_port_is_bound(told: list[str]) -> None:
    app.main()
    assert told == ["launch", "start", "serve"]


def test_a_port_that_cannot_be_bound_starts_no_run(
    told: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "build_app", lambda _: Page(told, OSError))
    assert refused(capsys).startswith("error: The page cannot be served at 127.0.0.1")
    assert told == ["launch"]


def test_a_second_server_ends_with_one_sentence(
    told: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = app.make_services(tmp_path / "runs", tmp_path / "recorded", "")
    first.open()
    said = refused(capsys)
    first.close()
    assert said.startswith(f"error: Another server (process {os.getpid()}) works with the runs in {tmp_path}/runs.")
    assert told == []


def test_a_folder_of_runs_that_cannot_be_used_is_told_before_anything_starts(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    monkeypatch.setenv("QLORA_RUNS_DIR", str(link))
    assert refused(capsys) == (
        f"error: Nothing can be written to the folder {link}: {link} is a link to {tmp_path}/gone, which is not there. "
        "Name another folder with QLORA_RUNS_DIR.\n"
    )
    assert told == []
