"""A worksheet: the run's own numbers in one file that asks nobody for anything, whatever the run's folder holds."""

import shutil
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.errors import RunError
from qlora_core.export.worksheet.sheet import export_worksheet
from qlora_core.language import LANGUAGES, speaking
from qlora_core.store.packed.mark import mark_brought
from qlora_core.store.runs import RunStore
from tests.export.worksheet.made import Elements, material, sheet, words
from tests.recorded import recorded_run
from tests.ui.hostile_run import MARK, make_hostile

#: What a page could do something with, or ask for something.
ACTIVE_TAGS = {"script", "iframe", "img", "image", "link", "a", "form", "object", "embed", "use", "foreignobject"}
ACTIVE_ATTRIBUTES = {"href", "src", "xlink:href", "action", "srcdoc", "style"}


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_it_has_the_runs_numbers_and_says_that_it_is_recorded(preset: str, store: RunStore) -> None:
    run = recorded_run(preset)
    result = run.require_result()
    text = words(sheet(run, store))
    accuracy = result["metrics"]["finetuned"]
    low, high = accuracy["accuracy_ci95"]
    assert f"{accuracy['accuracy']:.3f} [{low:.3f}, {high:.3f}]" in text
    assert result["comparison"]["linear_probe"]["verdict"] in text
    assert f"with seed {run.config.seed}" in text
    assert result["dataset"]["fingerprint"] in text
    assert f"torch {result['environment']['versions']['torch']}" in text
    assert "Recorded run" in text
    assert "learning_rate" in text
    assert "Before training I expect an accuracy of" in text


def test_both_charts_are_drawn_inside_their_frames(store: RunStore) -> None:
    page = sheet(recorded_run("quick"), store)
    assert page.count("<svg ") == 2
    places = [point.split(",") for part in page.split('points="')[1:] for point in part.split('"')[0].split()]
    assert len(places) > 300
    assert all(0 <= float(x) <= 360 and 0 <= float(y) <= 210 for x, y in places)


def test_it_is_one_file_without_scripts_that_asks_for_nothing(store: RunStore) -> None:
    for run in (recorded_run("quick"), make_hostile(recorded_run("quick"), store)):
        found = Elements(sheet(run, store))
        assert found.tags & ACTIVE_TAGS == set()
        assert found.attributes & ACTIVE_ATTRIBUTES == set()
        assert not [name for name in found.attributes if name.startswith("on")]


def test_hostile_text_of_a_run_is_shown_as_text_with_an_end(store: RunStore) -> None:
    page = sheet(make_hostile(recorded_run("quick"), store), store)
    assert MARK in Elements(page).text
    assert "<script" not in page
    assert len(page) < 120_000


def test_a_run_that_was_brought_says_where_it_was_trained(store: RunStore) -> None:
    recorded = recorded_run("quick")
    shutil.copytree(recorded.path, store.folder / recorded.id)
    run = store.open(recorded.id)
    assert "This run" not in words(sheet(run, store))
    mark_brought(run, {"environment": {"device_name": "a farm's <b>laptop</b>"}})
    assert "This run was trained elsewhere, as its file says on a farm's <b>laptop</b>" in words(sheet(run, store))


@pytest.mark.parametrize("code", LANGUAGES)
def test_it_is_written_in_the_language_of_whoever_asks(code: str, store: RunStore) -> None:
    run = recorded_run("quick")
    with speaking(code):
        page = sheet(run, store)
    accuracy = f"{run.require_result()['metrics']['finetuned']['accuracy']:.3f}"
    assert f'<html lang="{LANGUAGES[code].tag}">' in page
    assert (accuracy if code in ("en", "zh") else accuracy.replace(".", ",")) in page


def test_a_run_without_a_result_has_none_and_a_folder_is_no_file(store: RunStore, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        sheet(store.create(make_config("quick")), store)
    with pytest.raises(RunError, match="is a folder"):
        export_worksheet(recorded_run("quick"), tmp_path, material(recorded_run("quick"), store))
