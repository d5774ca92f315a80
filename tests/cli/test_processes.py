"""The command line as a user meets it: ``python -m qlora_core`` in a process of its own."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from qlora_core.store.runs import RunStore
from tests.cli.conftest import has_begun, only_json

StartCommand = Callable[..., "subprocess.Popen[str]"]
TINY = ("--set", "num_train_epochs=2", "--set", "learning_rate=0.005", "--set", "bootstrap_samples=100")


@pytest.fixture
def start_command(folder: Path, environment: dict[str, str]) -> StartCommand:
    """Starts a command in ``folder``."""

    def start(*arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "qlora_core", *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


def test_train_prints_the_result_on_stdout_and_its_progress_on_stderr(
    start_command: StartCommand, folder: Path, tiny_bert: Path
) -> None:
    with start_command("train", "--base-model", tiny_bert, "--dataset", "pairs.jsonl", *TINY, "--json") as process:
        stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    (run,) = RunStore(folder / "runs").runs()
    assert only_json(stdout) == run.result
    for words in ("Loading the base model", "untrained head: accuracy", "Training the adapter", "epoch 2: accuracy"):
        assert words in stderr
    assert "Warning" not in stderr


def test_a_mistake_is_one_line_after_what_was_done(start_command: StartCommand) -> None:
    with start_command("train", "--base-model", "no-such-model", "--runs-dir", "mistakes", "--json") as process:
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (2, "")
    progress, mistake = stderr.splitlines()
    assert progress == "Loading the base model and the pairs ..."
    assert mistake.startswith("error: There is no base model 'no-such-model'")


def test_ctrl_c_interrupts_a_run_and_says_how_to_go_on(
    start_command: StartCommand, folder: Path, tiny_bert: Path
) -> None:
    store = RunStore(folder / "interrupted")
    names = ["--base-model", tiny_bert, "--dataset", "pairs.jsonl", "--runs-dir", store.folder]
    with start_command("train", *names) as process:
        while not has_begun(store, "training"):
            assert process.poll() is None
            threading.Event().wait(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    (run,) = store.runs()
    assert (process.returncode, stdout) == (1, "")
    assert stderr.splitlines()[-1] == f"Interrupted. Go on from the last checkpoint with --resume {run.id}."
    assert run.status.state == "interrupted"
