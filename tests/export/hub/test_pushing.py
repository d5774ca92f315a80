"""A visitor's push, in a process of its own: it arrives, and their token is nowhere afterwards."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlora_core.export.hub.pushing import push
from qlora_core.store.run import Run
from tests.small_hub import ACCOUNT, TOKEN, SmallHub, serving

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("working_apart")]


@pytest.fixture
def hub_of_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SmallHub]:
    """A hub that processes which are started take for the real one; what they leave lies in ``tmp_path``."""
    with serving() as hub:
        for name, value in {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HF_DEBUG", "1")  # the library tells all that it does
        yield hub


def files_with(word: str, *folders: Path) -> list[str]:
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [str(file) for file in files if word.encode() in file.read_bytes()]


def test_a_run_arrives_and_the_token_stays_nowhere(
    hub_of_children: SmallHub, finished_run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    told: list[object] = []
    address = push(finished_run, "paraphrases", TOKEN, lambda *said: told.append(said), private=True)
    assert address == f"{hub_of_children.address}/{ACCOUNT}/paraphrases"
    assert hub_of_children.repositories[f"{ACCOUNT}/paraphrases"].private
    assert told
    assert TOKEN not in f"{told} {caplog.text} {os.environ}"
    assert files_with(TOKEN, tmp_path, finished_run.path.parent) == []
