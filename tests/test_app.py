"""The order in which a server starts."""

import signal
from pathlib import Path
from typing import Any

import pytest

import app
from qlora_core.server.services import Services


class Page:
    """Stands in for Gradio's page, and notes what it is told."""

    def __init__(self, told: list[str], error: type[BaseException] | None = None) -> None:
        self.told, self.error = told, error

    def queue(self, **_: Any) -> None:
        """Nothing to note."""

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
    return told


def test_no_run_begins_before_the_port_is_bound(told: list[str]) -> None:
    app.main()
    assert told == ["launch", "start", "serve"]


def test_a_port_that_cannot_be_bound_starts_no_run(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "build_app", lambda _: Page(told, OSError))
    with pytest.raises((OSError, SystemExit)):
        app.main()
    assert told == ["launch"]


def test_a_second_server_ends_with_one_sentence(told: list[str], tmp_path: Path) -> None:
    first = app.make_services(tmp_path / "runs", tmp_path / "recorded", "")
    first.open()
    with pytest.raises(SystemExit, match=r"^error: Another server \(process \d+\) works with the runs in .*\.$"):
        app.main()
    assert told == []
    first.close()


def test_a_folder_of_runs_that_cannot_be_used_is_told_before_anything_starts(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    monkeypatch.setenv("QLORA_RUNS_DIR", str(link))
    with pytest.raises(SystemExit) as refused:
        app.main()
    assert refused.value.code == (
        f"error: Nothing can be written to the folder {link}: {link} is a link to {tmp_path}/gone, which is not there. "
        "Name another folder with QLORA_RUNS_DIR."
    )
    assert told == []
