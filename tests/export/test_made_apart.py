"""A notebook is made in a process of its own, whose faults are told in plain words."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import RunError, RunFailure
from qlora_core.export import made_apart, notebook_process
from qlora_core.export.made_apart import NOT_MADE, make_notebook
from qlora_core.export.notebook import export_notebook
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


class Here:
    """The program, run at once in this process."""

    def __init__(self, _: object, module: str, *arguments: str, output: IO[bytes]) -> None:
        assert module == made_apart.PROGRAM
        output.write(b"")
        self.status = notebook_process.main(*arguments)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status."""
        del timeout
        return self.status

    def kill(self) -> None:
        """It has ended."""


def other_program(code: str) -> Callable[..., "subprocess.Popen[bytes]"]:
    def start(_: object, __: str, *___: str, output: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-S", "-E", "-c", code], stdout=output, stderr=output)

    return start


def test_it_is_the_notebook(finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_apart, "start_program", Here)
    make_notebook(finished_run, tmp_path / "apart.ipynb")
    export_notebook(finished_run, tmp_path / "here.ipynb")
    assert (tmp_path / "apart.ipynb").read_bytes() == (tmp_path / "here.ipynb").read_bytes()


def test_what_is_wrong_with_a_run_crosses(
    finished_run: Run,
    tmp_path: Path,
    store: RunStore,
    tiny_config: Callable[..., RunConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(made_apart, "start_program", Here)
    with pytest.raises(RunError, match="has no result to write a notebook about yet"):
        make_notebook(store.create(tiny_config()), tmp_path / "run.ipynb")
    shutil.copytree(finished_run.path, tmp_path / "run")
    (tmp_path / "run" / "result.json").write_text('{"config": 3}', encoding="utf-8")
    with pytest.raises(RunError, match="damaged"):
        make_notebook(Run(tmp_path / "run"), tmp_path / "run.ipynb")


def test_a_process_that_fails_or_hangs_is_one_plain_sentence(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(made_apart, "start_program", other_program("raise ValueError('of its own')"))
    with pytest.raises(RunFailure) as told:
        make_notebook(finished_run, tmp_path / "run.ipynb")
    assert str(told.value) == NOT_MADE
    assert "of its own" in caplog.text
    monkeypatch.setattr(made_apart, "MAX_SECONDS", 0.1)
    monkeypatch.setattr(made_apart, "start_program", other_program("import signal; signal.pause()"))
    with pytest.raises(RunFailure) as told:
        make_notebook(finished_run, tmp_path / "run.ipynb")
    assert str(told.value) == NOT_MADE
