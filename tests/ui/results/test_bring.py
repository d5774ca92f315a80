"""A run's zip is dropped onto the tab: it is there, marked, the visitor's own; or a sentence says why not."""

import json
from pathlib import Path
from typing import Any

import pytest

from qlora_core.errors import QLoRAError
from qlora_core.evaluation.flips import NO_SENTENCES
from qlora_core.server.services import Services
from qlora_core.ui.compare.sides import second_choices
from qlora_core.ui.results.bring_panel import brought_run
from qlora_core.ui.results.downloads import write_zip
from qlora_core.ui.results.flips_panel import shown_flips
from qlora_core.ui.results.history_panel import delete_runs, history_rows
from qlora_core.ui.results.run_choice import finished_choices
from qlora_core.ui.results.tab import ResultsTab, detailed, shown
from tests.hostile import HOSTILE
from tests.packed_run import files_of, json_with, packed_recorded, without, zip_of


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_recorded(tmp_path_factory.mktemp("packed") / "run.zip")


@pytest.mark.process
def test_a_dropped_zip_is_shown_and_marked(services: Services, tab: ResultsTab, packed: Path, tmp_path: Path) -> None:
    run = brought_run(services, str(packed), "mine")
    facts = shown(services, tab, [run.id])[tab.summary.facts]
    assert facts.startswith("Run ")
    assert "was brought here on" in facts
    assert "Its zip says that it was trained on" in facts
    assert "\n\nBrought run" in facts
    (label, run_id), *_ = finished_choices(services)
    assert (run_id, label.rpartition(", ")[2]) == (run.id, "brought")
    assert [row[:2] for row in history_rows(services, "", "")] == [[run.id, "brought"]]
    assert detailed(services, tab, [run.id])[tab.summary.plots["loss"]]["value"] is not None
    assert run.id in [run_id for _, run_id in second_choices(services)]
    write_zip(run, tmp_path / "again.zip")
    assert without(files_of(tmp_path / "again.zip"), "load_adapter.py").keys() == files_of(packed).keys()
    with pytest.raises(QLoRAError):
        delete_runs(services, "other", [run.id])
    delete_runs(services, "mine", [run.id])
    assert finished_choices(services) == []


@pytest.mark.process
def test_of_a_run_on_a_file_that_is_not_here_the_numbers_are_shown(
    services: Services, packed: Path, tmp_path: Path
) -> None:
    name = "pairs-0123456789abcdef0123.csv"
    files = without(json_with(files_of(packed), "config.json", dataset=name), "sha256.json")
    run = brought_run(services, str(zip_of(tmp_path / "x.zip", files)), "mine")
    said, *_ = shown_flips(services, [run.id], "linear_probe", "", "any phenomenon", "change", "")
    assert NO_SENTENCES in json.dumps(said)


@pytest.mark.parametrize("hostile", [*HOSTILE, "/etc/passwd/x", "/nonexistent.zip"])
def test_what_is_no_file_is_refused_in_a_sentence(hostile: Any, services: Services) -> None:
    with pytest.raises(QLoRAError):
        brought_run(services, hostile, hostile)
