"""A finished run measured on its own and on other pairs, and asked about pairs without labels."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import Dataset

from qlora_core.config import RunConfig
from qlora_core.data.columns import Columns
from qlora_core.data.files import read_pairs_file
from qlora_core.data.splits import fingerprint
from qlora_core.errors import ConfigError, DataError, RunError
from qlora_core.evaluation.asked_again import evaluate_run, predict_pairs
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import make_rows


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    """40 pairs that name a phenomenon each."""
    rows = [{**row, "phenomenon": ("time", "money")[number // 2 % 2]} for number, row in enumerate(make_rows(40))]
    path = tmp_path / "other.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_runs_own_validation_pairs_give_the_figures_on_record(finished_run: Run) -> None:
    report = evaluate_run(finished_run, None, None, "validation")
    result = finished_run.result or {}
    assert report["n"] == 16
    assert report["dataset"]["fingerprint"] == result["dataset"]["fingerprint"]
    assert json.loads(json.dumps(report["comparison"])) == result["comparison"]
    assert report["metrics"]["majority"]["loss"] == pytest.approx(result["metrics"]["majority"]["loss"])
    for name in ("untrained_head", "linear_probe", "finetuned"):
        assert json.loads(json.dumps(report["metrics"][name])) == result["metrics"][name]


def test_a_run_whose_predictions_are_gone_is_measured_without_the_majority_class(
    finished_run: Run, store: RunStore
) -> None:
    run = Run(shutil.copytree(finished_run.path, store.folder / finished_run.id))
    (run.path / "predictions.parquet").unlink()
    report = evaluate_run(run, None, None, "validation")
    assert set(report["comparison"]) == {"untrained_head", "linear_probe"}


def test_pairs_that_are_longer_than_the_run_reads_are_counted(finished_run: Run, tmp_path: Path) -> None:
    rows = make_rows(40)
    for row in rows[:5]:
        row["sentence2"] += " on day 1" * 50
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert evaluate_run(finished_run, str(path), None, None)["truncated"] == 5
    answered = predict_pairs(finished_run, Dataset.from_list(rows[:10]))["pairs"]
    assert [row["truncated"] for row in answered] == [True] * 5 + [False] * 5


def test_another_file_is_measured_whole(finished_run: Run, other_file: Path) -> None:
    report = evaluate_run(finished_run, str(other_file), None, None)
    assert report["n"] == 40
    assert report["metrics"]["finetuned"]["n"] == 40
    assert report["dataset"]["fingerprint"] == fingerprint(read_pairs_file(other_file))
    assert (report["dataset"]["id"], report["dataset"]["split"]) == ("other", None)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_file_has_no_splits(finished_run: Run, other_file: Path, split: str) -> None:
    with pytest.raises(ConfigError, match=r"^A file has no splits: it is measured whole\."):
        evaluate_run(finished_run, str(other_file), None, split)


@pytest.mark.parametrize("label", [0, 1])
def test_pairs_of_one_label_have_an_accuracy_and_no_f1(finished_run: Run, tmp_path: Path, label: int) -> None:
    rows = [row for row in make_rows(12) if row["label"] == label]
    (tmp_path / "same.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    report = evaluate_run(finished_run, str(tmp_path / "same.jsonl"), None, None)
    assert (report["n"], report["labels"]) == (6, {"0": 6 * (label == 0), "1": 6 * (label == 1)})
    for name in ("untrained_head", "linear_probe", "finetuned"):
        scores, calibration = report["metrics"][name], report["calibration"][name]
        assert 0 <= scores["accuracy"] <= 1
        assert scores["accuracy_ci95"] is not None
        assert scores["loss"] > 0
        assert {scores[name + end] for name in ("f1", "matthews_correlation") for end in ("", "_ci95")} == {None}
        assert calibration is None
    for comparison in report["comparison"].values():
        assert (comparison["f1_gain"], comparison["matthews_correlation_gain"]) == (None, None)
        assert comparison["accuracy_gain"] is not None
    json.dumps(report, allow_nan=False)


def test_columns_are_those_of_the_file_or_of_the_runs_own(finished_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b,gold\nIt is late.,It is early.,0\n", encoding="utf-8")
    assert evaluate_run(finished_run, str(path), None, None, columns=Columns("a", "b", "gold"))["n"] == 1
    with pytest.raises(DataError, match="has no column sentence1"):
        evaluate_run(finished_run, str(path), None, None)
    with pytest.raises(ConfigError, match=r"^Columns are named of a file of pairs only\."):
        evaluate_run(finished_run, None, None, None, columns=Columns("a", "b", "gold"))


def test_accuracy_is_reported_by_phenomenon(finished_run: Run, other_file: Path) -> None:
    report = evaluate_run(finished_run, str(other_file), None, None)
    rows = report["by_phenomenon"]["finetuned"]
    names = read_pairs_file(other_file)["phenomenon"]
    assert {name: row["n"] for name, row in rows.items()} == Counter(names)
    accuracy = sum(row["accuracy"] * row["n"] for row in rows.values()) / report["n"]
    assert accuracy == pytest.approx(report["metrics"]["finetuned"]["accuracy"])


@pytest.mark.mrpc
def test_a_run_can_be_measured_on_mrpc_from_a_folder(finished_run: Run, mrpc_dir: Path) -> None:
    report = evaluate_run(finished_run, "mrpc", mrpc_dir, "validation")
    assert report["n"] == 408
    assert report["metrics"]["finetuned"]["n"] == 408


def test_a_file_that_is_not_there_is_named(finished_run: Run) -> None:
    with pytest.raises(DataError, match=r"There is no file '/nowhere/pairs\.csv'"):
        evaluate_run(finished_run, "/nowhere/pairs.csv", None, None)


def test_pairs_without_labels_are_answered_by_base_and_adapter(finished_run: Run) -> None:
    sentences = {"sentence1": ["a baker opened early", "it was sold"], "sentence2": ["a baker closed early", "it was"]}
    rows = predict_pairs(finished_run, Dataset.from_dict(sentences))["pairs"]
    assert [row["sentence1"] for row in rows] == sentences["sentence1"]
    for row in rows:
        for answerer in ("untrained_head", "linear_probe", "finetuned"):
            assert 0 <= row[answerer]["probability"] <= 1
            assert row[answerer]["label"] == int(row[answerer]["probability"] > 0.5)


def test_a_pairs_answer_does_not_depend_on_the_pairs_beside_it(finished_run: Run, pairs: Dataset) -> None:
    together = predict_pairs(finished_run, pairs)["pairs"]
    alone = predict_pairs(finished_run, pairs.select([7]))["pairs"]
    assert alone[0]["finetuned"]["probability"] == pytest.approx(together[7]["finetuned"]["probability"], abs=0.01)


def test_a_run_that_has_learned_nothing_yet_cannot_be_measured(
    tiny_config: Callable[..., RunConfig], store: RunStore
) -> None:
    with pytest.raises(RunError, match="has saved no adapter yet"):
        evaluate_run(store.create(tiny_config()), None, None, "validation")


def test_progress_is_told_for_every_answerer(finished_run: Run) -> None:
    told: list[tuple[int, int]] = []
    evaluate_run(finished_run, None, None, "validation", lambda done, total: told.append((done, total)))
    assert told.count((16, 16)) == 3
