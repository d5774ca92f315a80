"""Merged models for a page's visitors: made once, few at a time, none that is too large."""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from transformers import AutoModelForSequenceClassification

from qlora_core.errors import RunError, StorageError
from qlora_core.export.merged import kept
from qlora_core.export.merged.kept import MergedModels
from qlora_core.server.processes import apart
from qlora_core.store.run import Run
from tests.conftest import ignore


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the runs whose models were made; each is an empty zip."""
    ids: list[str] = []

    def make(program: str, request: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        del program
        ids.append(Path(request["run"]).name)
        Path(request["zip"]).write_bytes(b"")
        return {}

    monkeypatch.setattr(apart, "ask", make)
    return ids


@pytest.fixture
def copies(finished_run: Run, tmp_path: Path) -> Callable[[int], list[Run]]:
    def make(count: int) -> list[Run]:
        return [Run(shutil.copytree(finished_run.path, tmp_path / f"run-{number}")) for number in range(count)]

    return make


def test_the_zip_holds_a_folder_that_transformers_load(finished_run: Run, tmp_path: Path) -> None:
    models = MergedModels(tmp_path / "cache")
    path = models.zip_of(finished_run, ignore)
    assert path.name == f"{finished_run.id}-merged.zip"
    assert path.is_relative_to(tmp_path / "cache")  # what lies there, Gradio hands out without another copy
    with zipfile.ZipFile(path) as zipped:
        zipped.extractall(tmp_path / "home")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "home" / finished_run.id)
    assert model.config.id2label == {0: "different", 1: "same"}
    del models
    assert list((tmp_path / "cache").iterdir()) == []  # the folder goes with the server


def test_a_model_is_made_once_for_all_who_want_it(
    made: list[str], copies: Callable[[int], list[Run]], tmp_path: Path
) -> None:
    (run,) = copies(1)
    models = MergedModels(tmp_path / "cache")
    first = models.zip_of(run, ignore)
    assert models.zip_of(run, ignore) == first
    assert made == [run.id]
    first.unlink()  # somebody emptied the folder
    assert models.zip_of(run, ignore).is_file()
    os.utime(run.adapter_dir / "adapter_config.json", ns=(1, 1))  # other weights by now
    assert models.zip_of(run, ignore).is_file()
    assert made == [run.id] * 3


def test_only_the_newest_are_kept(made: list[str], copies: Callable[[int], list[Run]], tmp_path: Path) -> None:
    models = MergedModels(tmp_path / "cache")
    paths = [models.zip_of(run, ignore) for run in copies(kept.MAX_KEPT + 1)]
    assert len(made) == kept.MAX_KEPT + 1
    assert [path.is_file() for path in paths] == [False, *[True] * kept.MAX_KEPT]


def test_what_is_too_large_for_page_or_disk_is_not_begun(
    made: list[str], finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
    with pytest.raises(StorageError, match="too little room"):
        MergedModels(tmp_path).zip_of(finished_run, ignore)
    monkeypatch.setattr(kept, "MAX_BYTES", 1000)
    with pytest.raises(RunError, match=f"Write it with: python -m qlora_core merge {finished_run.id} FOLDER"):
        MergedModels(tmp_path).zip_of(finished_run, ignore)
    assert made == []
