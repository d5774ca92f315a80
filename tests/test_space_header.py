"""The README's header is a Space's configuration: what it names is there, and what it preloads is what runs ask for."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import metadata_load
from packaging.requirements import Requirement

from qlora_core.models.base.folder import WHOLE_FILES
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.server import doctor
from qlora_core.server.findings import Code
from tests.loopback_hub import keep_below

ROOT = Path(__file__).resolve().parent.parent
PRELOADED = ("bert-base-cased", "bert-base-uncased")
#: What the hub's reference allows, so that a push is not refused.
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
MAX_DESCRIPTION = 60


@pytest.fixture(scope="module")
def header() -> dict[str, Any]:
    loaded = metadata_load(ROOT / "README.md")
    assert loaded is not None
    return dict(loaded)


def requirement(name: str) -> Requirement:
    """A line of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (found,) = (line for line in lines if re.match(rf"{name}\b(?!-)", line))
    return Requirement(found)


def test_python_is_named_as_text_and_is_new_enough(header: dict[str, Any]) -> None:
    version = header["python_version"]
    assert isinstance(version, str), "without quotes YAML reads 3.10 as 3.1"
    assert tuple(map(int, version.split("."))) >= (3, 11)


def test_gradio_is_one_that_the_requirements_allow(header: dict[str, Any]) -> None:
    assert header["sdk"] == "gradio"
    assert requirement("gradio").specifier.contains(header["sdk_version"])


def test_the_rest_is_what_the_hub_accepts(header: dict[str, Any]) -> None:
    assert (ROOT / header["app_file"]).is_file()
    assert {header["colorFrom"], header["colorTo"]} <= COLOURS
    assert len(header["short_description"]) <= MAX_DESCRIPTION
    assert header["license"] == "apache-2.0"


def test_what_is_preloaded_is_what_a_run_asks_for(header: dict[str, Any]) -> None:
    entries = [BASE_MODELS[name] for name in PRELOADED]
    expected = [f"{entry.hub_id} {','.join(WHOLE_FILES)} {entry.revision}" for entry in entries]
    assert header["preload_from_hub"] == expected


@pytest.mark.parametrize("name", PRELOADED)
def test_a_cache_that_was_filled_so_is_found_without_a_network(
    name: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files at a commit, and no name of a branch: the builder asks for each file at the commit."""
    keep_below(tmp_path, monkeypatch)
    entry = BASE_MODELS[name]
    monkeypatch.setitem(BASE_MODELS, name, replace(entry, sha256=""))
    snapshot = tmp_path / "hub" / f"models--{entry.hub_id.replace('/', '--')}" / "snapshots" / entry.revision
    snapshot.mkdir(parents=True)
    for file in filter(Path.is_file, (tiny_bert / file for file in WHOLE_FILES)):
        shutil.copy(file, snapshot)
    assert doctor._base_model(name).code == Code.FOUND
