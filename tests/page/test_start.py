"""What keeps the page from being served: one sentence, exit status 2, and no run begun."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.store.runs import RunStore
from tests.conftest import free_port
from tests.page.server import PATIENCE, ROOT


def start(runs_dir: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """python app.py, which has to end by itself."""
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(free_port()),
        "QLORA_RUNS_DIR": str(runs_dir),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    command = [sys.executable, str(ROOT / "app.py")]
    return subprocess.run(
        command, cwd=runs_dir.parent, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.process
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"GRADIO_SERVER_PORT": "70000"}, "GRADIO_SERVER_PORT cannot be '70000'"),
        ({"GRADIO_SERVER_NAME": "no-such-name.invalid"}, "Nobody can listen at 'no-such-name.invalid'"),
        ({"QLORA_OWNER_KEY": "too short"}, "QLORA_OWNER_KEY cannot be what it is set to"),
        ({"QLORA_DEFAULT_PRESET": "quik"}, "QLORA_DEFAULT_PRESET cannot be 'quik'"),
        ({"QLORA_RUNS_DIR": "/proc/version/runs"}, "/proc/version/runs"),
    ],
    ids=lambda part: next(iter(part)) if isinstance(part, dict) else "",
)
def test_a_setting_that_cannot_be_is_one_sentence(settings: dict[str, str], words: str, tmp_path: Path) -> None:
    ended = start(tmp_path / "runs", **settings)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert "too short" not in line


@pytest.mark.process
def test_with_a_taken_port_no_waiting_run_is_begun(tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(make_config())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start(tmp_path / "runs", GRADIO_SERVER_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert "is taken" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert run.status.state == "queued"
