"""The failures that are made on purpose: the pairs of each are what it says, and what is recorded is numbers."""

import json
from pathlib import Path

import pytest

from benchmarks import failures
from benchmarks.failures import FAILURES, FEW, RECORD, record, run_of
from qlora_core.data.sources import load_pairs, load_run_pairs
from qlora_core.fields import without_folders
from qlora_core.store.run import Run

MAX_BYTES = 80_000


def test_shuffled_labels_are_those_of_other_pairs_and_validation_keeps_its_own(tmp_path: Path) -> None:
    pairs = load_run_pairs(FAILURES["shuffled"].config(tmp_path, None))
    bundled = load_pairs("pairs")
    known = {(row["sentence1"], row["sentence2"]): row["label"] for row in bundled.train}
    labels = [known[row["sentence1"], row["sentence2"]] for row in pairs.train]
    assert sorted(labels) == sorted(pairs.train["label"])
    assert 0.3 * FEW < sum(a != b for a, b in zip(labels, pairs.train["label"], strict=True)) < 0.7 * FEW
    validation = set(zip(bundled.validation["sentence1"], bundled.validation["label"], strict=True))
    assert set(zip(pairs.validation["sentence1"], pairs.validation["label"], strict=True)) <= validation
    assert pairs.in_both == 0


def test_leaking_pairs_are_in_both(tmp_path: Path) -> None:
    pairs = load_run_pairs(FAILURES["leakage"].config(tmp_path, None))
    assert pairs.in_both == len(pairs.validation) == FEW


def test_a_run_is_recorded_in_numbers_that_the_signs_need(finished_run: Run) -> None:
    recorded = record("shuffled", finished_run)
    assert [point[0] for point in recorded["points"]] == list(range(1, recorded["total_steps"] + 1))
    assert recorded["evaluations"][-1]["step"] == recorded["total_steps"]
    assert {"loss", "accuracy", "matthews_correlation"} <= recorded["evaluations"][0].keys()
    assert "majority" in [entry["name"] for entry in recorded["baselines"]]
    assert (recorded["in_both"], recorded["ended_by"]) == (None, "")
    assert recorded["command"].endswith("--failures shuffled")
    assert str(finished_run.path.parent) not in json.dumps(recorded)


def test_what_is_recorded_is_small_whole_and_made_with_the_settings_that_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_written", lambda folder, name, *_: {"dataset": str(folder / f"{name}.jsonl")})
    records = json.loads(RECORD.read_text(encoding="utf-8"))
    assert RECORD.stat().st_size < MAX_BYTES
    assert [each["name"] for each in records] == list(FAILURES)
    for each in records:
        config = FAILURES[each["name"]].config(tmp_path, None)
        settings = config.model_dump(mode="json", exclude_defaults=True)
        assert {**each["settings"], **without_folders(settings)} == each["settings"]
        assert each["seed"] == config.seed


def test_only_a_finished_run_counts_as_made(finished_run: Run) -> None:
    class Store:
        def runs(self) -> list[Run]:
            return [finished_run]

    assert run_of(Store(), finished_run.config) is finished_run  # type: ignore[arg-type]
    assert run_of(Store(), finished_run.config.model_copy(update={"seed": 99})) is None  # type: ignore[arg-type]
