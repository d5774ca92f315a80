"""A finished run in words and rows."""

import copy
from typing import Any

import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import RunError
from qlora_core.evaluation.flips import Flip, Sentences
from qlora_core.store.runs import Run, RunStore
from qlora_core.ui.reading import reading, result_of
from qlora_core.ui.results import history_table
from qlora_core.ui.results import run_words as view


@pytest.fixture
def result(finished_run: Run) -> dict[str, Any]:
    """A result that a test may change."""
    return copy.deepcopy(result_of(finished_run))


def comparison(gain: float, interval: tuple[float, float], verdict: str) -> dict[str, Any]:
    return {"accuracy_gain": gain, "accuracy_gain_ci95": interval, "verdict": verdict}


def test_the_headline_claims_a_gain_only_where_the_verdict_does() -> None:
    better = comparison(0.053, (0.021, 0.085), "Fine-tuning is better than the linear probe by 5.3 points ...")
    assert view.headline_words(better) == (
        "+5.3 points of accuracy against a linear probe, more than luck (95 % interval +2.1 to +8.5)"
    )
    unclear = comparison(-0.002, (-0.007, 0.0), "No difference beyond chance: fine-tuning against ...")
    assert view.headline_words(unclear) == (
        "-0.2 points of accuracy against a linear probe, which may be luck (95 % interval -0.7 to +0.0)"
    )


def test_the_headline_tells_both_comparisons_and_how_the_epoch_was_chosen(result: dict[str, Any]) -> None:
    words = view.headline(result)
    assert words.startswith("## ")
    assert words.index("Against the linear probe") < words.index("Against the untrained head")
    assert "best epoch was chosen on the same validation pairs" in words
    assert f"{result['metrics']['finetuned']['accuracy']:.1%}" in words
    assert "stopped" not in words
    assert "stopped before its last epoch" in view.headline(result | {"stopped_early": True})


def test_words_from_a_result_are_harmless(result: dict[str, Any]) -> None:
    result["comparison"]["linear_probe"]["verdict"] = "<img src=x onerror=alert(1)> [x](javascript:1)"
    result["selection_note"] = "<script>"
    words = view.headline(result)
    assert "<" not in words
    assert "[x]" not in words


def test_the_badge_says_whether_the_reload_was_verified(result: dict[str, Any]) -> None:
    assert view.badge(result) == "✓ Reload verified, largest logit difference 0"
    assert "Tensors trained but not found again: none" in view.evidence(result)
    result["reload"] = {
        "verified": False,
        "max_abs_logit_difference": 0.25,
        "tolerance": 0.001,
        "missing_tensors": ["classifier.weight"],
    }
    assert view.badge(result) == "✗ Reload not verified, largest logit difference 0.25"
    assert "classifier&#46;weight" in view.evidence(result)


def test_of_a_path_only_the_files_name_is_shown(finished_run: Run, result: dict[str, Any]) -> None:
    rows = view.setting_rows(finished_run.config)
    assert [row[0] for row in rows] == list(RunConfig.model_fields)
    assert all(row[2] for row in rows)
    folders = {finished_run.config.dataset.rsplit("/", 1)[0], finished_run.config.base_model.rsplit("/", 1)[0]}
    shown = str(rows) + view.facts(finished_run, result, recorded=False) + str(view.environment_rows(result))
    assert not any(folder in shown for folder in folders)
    assert ["dataset", "tiny.jsonl"] in [row[:2] for row in rows]
    assert view.shown_value("data_dir", r"C:\Users\somebody\glue") == "glue"


def test_facts_name_seed_versions_and_hardware(finished_run: Run, result: dict[str, Any]) -> None:
    words = view.facts(finished_run, result, recorded=True)
    assert words.startswith("Recorded run")
    for part in ("seed 0", "torch", "bitsandbytes", result["environment"]["device_name"].split()[0]):
        assert part in words


def test_a_damaged_result_is_one_plain_error(finished_run: Run) -> None:
    for error in (KeyError("metrics"), TypeError(), ValueError(), AttributeError()):
        with pytest.raises(RunError, match="is damaged"), reading(finished_run):
            raise error


def test_a_run_is_labelled_by_what_it_is_and_came_to(finished_run: Run, store: RunStore) -> None:
    accuracy = result_of(finished_run)["metrics"]["finetuned"]["accuracy"]
    label = view.long_label(finished_run, recorded=True)
    assert label.startswith(f"tiny-bert on tiny.jsonl, accuracy {accuracy:.3f}")
    assert label.endswith(", recorded")
    damaged = store.create(make_config())
    (damaged.path / "result.json").write_text("{}", encoding="utf-8")
    assert "result damaged" in view.long_label(damaged, recorded=False)


def test_flip_rows_fit_their_headers() -> None:
    pairs = [Flip(7, 0, 0.91234, 0.1, Sentences("One.", "Two.", "negation")), Flip(8, 1, 0.6, 0.4, None)]
    first, second = (dict(zip(view.FLIP_HEADERS, row, strict=True)) for row in view.flip_rows(pairs))
    assert first == {
        "Flip": "fixed",
        "Sentence 1": "One.",
        "Sentence 2": "Two.",
        "Label": "different",
        "Before": 0.912,
        "After": 0.1,
        "Change": 0.812,
        "Phenomenon": "negation",
        "idx": 7,
    }
    assert second["Flip"] == "broken"
    assert second["Sentence 1"] == ""
    assert len(view.FLIP_HEADERS) == len(view.FLIP_TYPES)
    assert view.flip_words(1, pairs, pairs, "Gone.") == (
        "Fine-tuning fixed **1** pairs and broke **1**. The first 1 are shown. Gone."
    )


def test_history_rows_sort_with_missing_numbers_last(finished_run: Run, store: RunStore) -> None:
    waiting = store.create(make_config("quick", seed=3))
    rows = [history_table.history_row(run, recorded=False) for run in (waiting, finished_run)]
    assert [len(row) for row in rows] == [len(history_table.HEADERS)] * 2
    assert [row[0] for row in history_table.in_order(rows, "accuracy")] == [finished_run.id, waiting.id]
    assert [row[0] for row in history_table.in_order(rows, "newest first")] == [waiting.id, finished_run.id]
    assert [row[0] for row in history_table.containing(rows, "QUEUED minilm")] == [waiting.id]
    assert history_table.containing(rows, "no such word") == []


def test_settings_are_named_by_the_nearest_preset_and_what_differs() -> None:
    assert history_table.setting_words(make_config("quick", seed=3)) == "quick, seed=3"
    assert history_table.setting_words(make_config("notebook", r=4)) == "notebook, r=4"


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
        assert history_table.outcome_of(run) == history_table.Outcome()
