"""Fetching from the hub: pinned, safetensors only, and a plain error where there is no hub."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from huggingface_hub import constants

from qlora_core import hub
from qlora_core.errors import HubError, HubProblem
from qlora_core.language import Message
from qlora_core.models.catalog import BASE_MODELS

REPOSITORY, REVISION = BASE_MODELS["bert-base-cased"].hub_id, BASE_MODELS["bert-base-cased"].revision


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def fetch(*, download: bool = True) -> Path:
    return hub.fetch(REPOSITORY, REVISION, ["config.json"], download=download, advice=Message("or use another model"))


def _no_connection() -> None:
    raise httpx2.ConnectError("no route to host")


def _no_answer() -> None:
    raise httpx2.ConnectTimeout("timed out")


def _never_asked() -> None:
    pytest.fail("the hub was asked")


def test_offline_variable_gives_the_advice_without_asking_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "get_session", _never_asked)
    with pytest.raises(HubError, match=rf"^{REPOSITORY} is not on this machine.*try again, or use another model\.$"):
        fetch()


def test_looking_only_at_this_machine_does_not_ask_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "get_session", _never_asked)
    with pytest.raises(HubError):
        fetch(download=False)


@pytest.mark.parametrize("failure", [_no_connection, _no_answer])
def test_unreachable_hub_gives_the_advice(failure: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "get_session", failure)
    with pytest.raises(HubError, match=r"hub cannot be reached\. Connect to the internet and try again, or use"):
        fetch()


FILES = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"weights", "pytorch_model.bin": b"pickle"}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs: one repository, which also holds weights as a pickle."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2].partition("?")[0]
        if f"/tree/{REVISION}" in self.path:
            tree = [{"type": "file", "path": path, "size": len(text), "oid": path} for path, text in FILES.items()]
            self._answer(json.dumps(tree).encode(), "application/json")
        elif self.path == f"/{REPOSITORY}/resolve/{REVISION}/{name}" and name in FILES:
            self._answer(FILES[name], "application/octet-stream")
        else:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body)}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@contextmanager
def serve() -> Iterator[str]:
    """The hub above on a port of this machine; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


DOWNLOAD = f"""
from qlora_core import hub
from qlora_core.models.base import folder
print(hub.fetch({REPOSITORY!r}, {REVISION!r}, folder.HUB_FILES, advice=""))
"""


def test_download_takes_safetensors_and_leaves_pickled_weights(tmp_path: Path) -> None:
    with serve() as address:
        settings = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        command = [sys.executable, "-c", DOWNLOAD]
        answer = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    folder = Path(answer.stdout.strip())
    assert folder.name == REVISION
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}


def test_an_error_says_by_a_code_whether_the_hub_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError) as offline:
        fetch()
    assert offline.value.problem == HubProblem.NOT_HERE
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "hub_answers", lambda: True)
    snapshot = hub._snapshot

    def refuse(*arguments: Any, local_files_only: bool) -> Path:
        if local_files_only:
            return snapshot(*arguments, local_files_only=True)
        raise httpx2.ConnectError("broken off")

    monkeypatch.setattr(hub, "_snapshot", refuse)
    with pytest.raises(HubError) as refused:
        fetch()
    assert refused.value.problem == HubProblem.DOWNLOAD_FAILED
    assert str(refused.value) == str(offline.value)


def test_a_cache_that_cannot_be_written_to_is_told_with_the_variable_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with serve() as address:
        settings = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address, "NO_PROXY": "127.0.0.1"}
        settings |= {"HF_HOME": str(tmp_path / "file" / "home")}
        command = [sys.executable, "-c", DOWNLOAD]
        answer = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert answer.returncode == 1
    said = answer.stderr.splitlines()[-1].partition("HubError: ")[2]
    assert said.startswith(f"{REPOSITORY} cannot be kept in the hub's cache: Not a directory. Set HF_HOME")
