"""A notebook is made in a process of its own, whose faults are told in plain words."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import RunError, RunFailure
from qlora_core.export import notebook_apart
from qlora_core.export.notebook import export_notebook
from qlora_core.export.notebook_apart import NOT_MADE, make_notebook
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


def test_it_is_the_notebook(finished_run: Run, tmp_path: Path) -> None:
    make_notebook(finished_run, tmp_path / "apart.ipynb")
    export_notebook(finished_run, tmp_path / "here.ipynb")
    assert (tmp_path / "apart.ipynb").read_bytes() == (tmp_path / "here.ipynb").read_bytes()


def test_what_is_wrong_with_a_run_crosses(
    finished_run: Run,
    tmp_path: Path,
    store: RunStore,
    tiny_config: Callable[..., RunConfig],
) -> None:
    with pytest.raises(RunError, match="has no result"):
        make_notebook(store.create(tiny_config()), tmp_path / "run.ipynb")
    shutil.copytree(finished_run.path, tmp_path / "run")
    (tmp_path / "run" / "result.json").write_text('{"config": 3}', encoding="utf-8")
    with pytest.raises(RunError, match="damaged"):
        make_notebook(Run(tmp_path / "run"), tmp_path / "run.ipynb")


@pytest.mark.process
@pytest.mark.usefixtures("working_apart")
def test_the_real_process_makes_it_or_says_that_it_could_not(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_notebook(finished_run, tmp_path / "run.ipynb")
    assert (tmp_path / "run.ipynb").read_bytes().startswith(b"{")
    monkeypatch.setattr(notebook_apart, "PROGRAM", "tests.export.no_such_program")
    with pytest.raises(RunFailure) as told:
        make_notebook(finished_run, tmp_path / "run.ipynb")
    assert str(told.value) == NOT_MADE
