"""What a run will cost, measured in a process of its own: its words are passed on, and it is ended when it hangs."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import DataError, RunFailure, UserError
from qlora_core.server import estimates
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


#: A program that never ends by itself.
HANGS = "import signal; print('working', flush=True); signal.pause()"


def fake_child(monkeypatch: pytest.MonkeyPatch, program: str) -> list[Any]:
    """Let another program be started in place of the measuring one; returns the processes that were."""
    real, started = subprocess.Popen, list[Any]()

    def start(command: list[str], **options: Any) -> Any:
        assert command[1:3] == ["-m", "qlora_core.training.cost.estimate"]
        started.append(real([sys.executable, "-c", program], **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


def test_a_child_that_hangs_is_ended(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    started = fake_child(monkeypatch, HANGS)
    with pytest.raises(RunFailure, match=r"longer than 0 seconds .* start the run without an estimate"):
        measure_cost(tiny_config(), timeout=0.2)
    assert [child.returncode for child in started] == [-signal.SIGKILL]


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


#: A program that waits until it has been made nicer, and says so.
NICE = "import json, os\nwhile os.nice(0) < 10: pass\nprint(json.dumps({'nice': os.nice(0)}))"


def test_the_child_leaves_the_processor_to_the_page(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, NICE)
    assert measure_cost(tiny_config())["nice"] >= 10


def test_a_listener_that_fails_ends_the_child(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    started = fake_child(monkeypatch, HANGS)

    def leave(line: str) -> None:
        raise DataError(f"gone while {line}")

    with pytest.raises(DataError, match="gone while working"):
        measure_cost(tiny_config(), leave)
    assert [child.returncode for child in started] == [-signal.SIGKILL]


def test_a_run_that_will_be_a_fork_is_measured_as_one(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measure(_: RunConfig, *, forked: bool, **__: Any) -> dict[str, Any]:
        asked.append(forked)
        return {}

    monkeypatch.setattr(estimates, "measure_cost", measure)
    estimates.Estimates(lambda: True).measure(tiny_config())
    estimates.Estimates().measure(tiny_config())
    assert asked == [True, False]


def test_a_run_whose_baselines_are_known_takes_less_time(
    tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {"seconds": [100.0, 200.0], "baselines_seconds": [30.0, 50.0], "steps": 8}
    times = []
    monkeypatch.setattr(estimates, "measure_cost", lambda *_, **__: times.append(1) or measured)  # type: ignore[func-returns-value]
    known: list[RunConfig] = []
    made = estimates.Estimates(baselines_known=lambda config: config in known)
    assert made.measure(tiny_config()) == measured
    known.append(tiny_config())
    assert made.measure(tiny_config()) == {**measured, "seconds": [70.0, 150.0]}
    assert made.known(tiny_config(seed=1)) == measured
    assert made.known(tiny_config(measure_baselines_again=True)) == measured
    assert len(times) == 1
