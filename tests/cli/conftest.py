"""Where the commands run, and what their JSON is read with."""

import json
from pathlib import Path
from typing import Any

import pytest

from qlora_core.store.runs import RunStore
from tests.conftest import make_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run: a file of labelled pairs with phenomena, one without labels, and the runs."""
    folder = tmp_path_factory.mktemp("command-line")
    rows = [{**row, "phenomenon": ("time", "money")[number // 2 % 2]} for number, row in enumerate(make_rows(80))]
    (folder / "pairs.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (folder / "questions.csv").write_text("sentence1,sentence2\nIt is late.,It is not early.\nA,B\n", encoding="utf-8")
    return folder


def only_json(stdout: str) -> dict[str, Any]:
    """The one JSON object that is all of a command's output."""
    value = json.loads(stdout)
    assert isinstance(value, dict)
    return value


def has_begun(store: RunStore, phase: str) -> bool:
    """Whether a run has come to this phase."""
    return any(event.get("phase") == phase for run in store.runs() for event in run.events())
