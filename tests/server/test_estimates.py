"""What a run will cost, measured in a process of its own: its words are passed on, and it is ended when it hangs."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import DataError, RunFailure, UserError
from qlora_core.server.estimates import measure_cost
from qlora_core.training.cost.estimate import Estimate

MakeConfig = Callable[..., RunConfig]


@pytest.fixture
def _package_is_found(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.usefixtures("_package_is_found")
def test_a_process_of_its_own_measures_and_tells_its_progress(tiny_config: MakeConfig) -> None:
    lines: list[str] = []
    values = measure_cost(tiny_config(), lines.append)
    assert values.keys() == Estimate.__annotations__.keys()
    assert values["steps"] == 8
    assert lines[0] == "Loading the base model and the pairs"
    assert not any(line.startswith("{") for line in lines)


@pytest.mark.usefixtures("_package_is_found")
def test_the_childs_words_are_passed_on(tiny_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^.*missing\.csv.*$"):
        measure_cost(tiny_config(dataset=str(tmp_path / "missing.csv")))


def fake_child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let another program be started in place of the measuring one."""
    real = subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        assert command[1:3] == ["-m", "qlora_core.training.cost.estimate"]
        return real([sys.executable, "-c", program], **options)

    monkeypatch.setattr(subprocess, "Popen", start)


def test_a_child_that_hangs_is_ended(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, "import time; print('working', flush=True); time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(RunFailure, match=r"longer than 1 seconds .* start the run without an estimate"):
        measure_cost(tiny_config(), timeout=1.0)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "ended without a word; the machine may have run out",
        ),
        ("import sys; sys.exit('The loss became nan. Lower it.')", r"^The loss became nan\. Lower it\.$"),
        ("print('no JSON')", "ended without a word"),
        ("", "ended without a word"),
    ],
)
def test_a_child_that_fails(program: str, words: str, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, program)
    with pytest.raises(RunFailure, match=words):
        measure_cost(tiny_config())


def test_the_child_leaves_the_processor_to_the_page(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, "import json, os, time; time.sleep(0.5); print(json.dumps({'nice': os.nice(0)}))")
    assert measure_cost(tiny_config())["nice"] >= 10


def test_a_listener_that_fails_ends_the_child(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, "import time; print('working', flush=True); time.sleep(60)")

    def leave(line: str) -> None:
        raise DataError(f"gone while {line}")

    started = time.monotonic()
    with pytest.raises(DataError, match="gone while working"):
        measure_cost(tiny_config(), leave)
    assert time.monotonic() - started < 30
