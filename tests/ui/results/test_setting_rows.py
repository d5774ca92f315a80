"""Settings and environment as rows."""

import copy
from typing import Any

import pytest

from qlora_core.config import RunConfig
from qlora_core.store.run import Run
from qlora_core.ui.results.finished_run import facts
from qlora_core.ui.results.setting_rows import environment_rows, setting_rows, shown_value


@pytest.fixture
def result(finished_run: Run) -> dict[str, Any]:
    """A result that a test may change."""
    return copy.deepcopy(finished_run.require_result())


def test_of_a_path_only_the_files_name_is_shown(finished_run: Run, result: dict[str, Any]) -> None:
    rows = setting_rows(finished_run.config)
    assert [row[0] for row in rows] == list(RunConfig.model_fields)
    assert all(row[2] for row in rows)
    folders = {finished_run.config.dataset.rsplit("/", 1)[0], finished_run.config.base_model.rsplit("/", 1)[0]}
    shown = str(rows) + facts(finished_run.id, finished_run.config, result, "") + str(environment_rows(result))
    assert not any(folder in shown for folder in folders)
    assert ["dataset", "tiny.jsonl"] in [row[:2] for row in rows]
    assert shown_value("data_dir", r"C:\Users\somebody\glue") == "glue"
