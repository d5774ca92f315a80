"""Every run as rows of a table."""

import json
import shutil

from qlora_core.config import make_config
from qlora_core.evaluation.answerers import label_of
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.ui.results import history_table


def cells(run: Run) -> dict[str, history_table.Cell]:
    headers = [column.header for column in history_table.columns()]
    return dict(zip(headers, history_table.history_row(run, ""), strict=True))


def test_a_row_has_the_scores_of_the_fine_tuned_model(finished_run: Run) -> None:
    scores, row = finished_run.require_result()["metrics"]["finetuned"], cells(finished_run)
    for header, name in (("Accuracy", "accuracy"), ("F1", "f1"), ("MCC", "matthews_correlation")):
        assert row[header] == round(scores[name], 4)


def test_the_gain_is_over_the_strongest_baseline(finished_run: Run) -> None:
    result, row = finished_run.require_result(), cells(finished_run)
    strongest = result["strongest_baseline"]
    assert row["Gain"] == round(100 * result["comparison"][strongest]["accuracy_gain"], 1)
    assert row["Over"] == label_of(strongest)


def test_a_run_without_matthews_correlation_has_it_from_the_counts(finished_run: Run, store: RunStore) -> None:
    shutil.copytree(finished_run.path, store.folder / finished_run.id)
    result = finished_run.require_result()
    for row in result["metrics"].values():
        del row["matthews_correlation"]
    older = store.open(finished_run.id)
    (older.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert cells(older)["MCC"] == cells(finished_run)["MCC"]
    for row in result["metrics"].values():
        del row["confusion"]
    (older.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert cells(older)["MCC"] is None
    assert cells(older)["F1"] == cells(finished_run)["F1"]


def test_every_number_can_be_sorted_by() -> None:
    assert [label for label, _ in history_table.order_choices()] == [
        "newest first", "accuracy", "F1", "MCC", "gain over the strongest baseline", "training time",
    ]  # fmt: skip


def test_history_rows_sort_with_missing_numbers_last(finished_run: Run, store: RunStore) -> None:
    waiting = store.create(make_config("quick", seed=3))
    rows = [history_table.history_row(run, "") for run in (waiting, finished_run)]
    assert [len(row) for row in rows] == [len(history_table.columns())] * 2
    assert [row[0] for row in history_table.in_order(rows, "accuracy")] == [finished_run.id, waiting.id]
    assert [row[0] for row in history_table.in_order(rows, "newest first")] == [waiting.id, finished_run.id]
    assert [row[0] for row in history_table.containing(rows, "QUEUED minilm")] == [waiting.id]
    assert history_table.containing(rows, "no such word") == []


def test_settings_are_named_by_the_nearest_preset_and_what_differs() -> None:
    assert history_table.setting_words(make_config("quick", seed=3)) == "quick, seed=3"
    assert history_table.setting_words(make_config("notebook", r=4)) == "notebook, r=4"


def test_what_a_run_starts_from_stands_behind_its_settings() -> None:
    started = {"init_from": "an-earlier-run", "seed": 3}
    assert history_table.setting_words(make_config("quick", **started)) == "quick, seed=3, from an-earlier-run"
    kept = make_config("standard", init_from="an-earlier-run", init_classifier="keep")
    assert history_table.setting_words(kept) == "standard, from an-earlier-run, its classifier kept"


def test_differences_are_only_those_between_the_runs(store: RunStore) -> None:
    runs = [store.create(make_config(r=r, dataset=f"/home/somebody/{r}.csv")) for r in (8, 16)]
    headers, rows = history_table.differences(runs)
    assert headers == ["Setting", *(run.id for run in runs)]
    assert rows == [["dataset", "8.csv", "16.csv"], ["r", "8", "16"]]
    assert history_table.differences(runs[:1])[1] == []


def test_a_damaged_result_has_no_numbers_in_the_history(store: RunStore) -> None:
    run = store.create(make_config())
    for content in ("{", "[]", '{"metrics": 3}', '{"metrics": {"finetuned": {"accuracy": "x"}}}'):
        (run.path / "result.json").write_text(content, encoding="utf-8")
        assert history_table.numbers_of(run) == history_table.Numbers()
