"""The numbers of result.json, recomputed from what else the run left behind, with other tools."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file
from scipy.stats import binom
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, matthews_corrcoef
from transformers import BertForSequenceClassification

from qlora_core.config import RunConfig
from qlora_core.errors import RunFailure
from qlora_core.evaluation.metrics import METRICS, probabilities
from qlora_core.evaluation.predictor import Predictor
from qlora_core.evaluation.report import measure_all, phenomena
from qlora_core.store.run import Run
from qlora_core.training.reports.result import compare_reloaded, measurements
from qlora_core.training.setup import Setup

ANSWERERS = ("majority", "untrained_head", "linear_probe", "finetuned", "reloaded")
#: Every key that users of ``train --json`` may rely on; a set names the keys of an object.
CONTRACT: dict[str, set[str]] = {
    "run_id": set(),
    "base_model": {"id", "source", "sha256", "parameters"},
    "dataset": {"id", "fingerprint", "train", "validation", "train_truncated", "validation_truncated"},
    "config": set(RunConfig.model_fields),
    "quantization": {"scheme", "quantized_modules", "bytes", "bytes_float32", "bytes_float32_by_group"},
    "trainable_parameters": set(),
    "total_parameters": set(),
    "metrics": set(ANSWERERS),
    "comparison": {"majority", "untrained_head", "linear_probe"},
    "strongest_baseline": set(),
    "train_sample": {"label", "probability_finetuned"},
    "reload": {"verified", "max_abs_logit_difference", "missing_tensors"},
    "best_epoch": set(),
    "train_seconds": set(),
    "examples_per_second": set(),
    "peak_rss_bytes": set(),
    "environment": {"python", "versions", "device", "threads", "compute_dtype"},
}


@pytest.fixture
def result(finished_run: Run) -> dict[str, Any]:
    return finished_run.result or {}


@pytest.fixture
def predictions(finished_run: Run) -> pd.DataFrame:
    return pd.read_parquet(finished_run.path / "predictions.parquet")


def answers(predictions: pd.DataFrame, name: str) -> np.ndarray:
    return (predictions[f"probability_{name}"] > 0.5).to_numpy().astype(int)


@pytest.mark.parametrize(("key", "keys"), CONTRACT.items())
def test_every_key_of_the_contract_is_there(key: str, keys: set[str], result: dict[str, Any]) -> None:
    assert key in result
    assert keys <= set(result[key] if keys else ())


@pytest.mark.parametrize("name", ANSWERERS)
def test_every_answerer_has_every_score(name: str, result: dict[str, Any]) -> None:
    earlier = {"accuracy", "f1", "loss", "n", "accuracy_ci95", "f1_ci95", "confusion"}
    assert set(result["metrics"][name]) == earlier | {"matthews_correlation", "matthews_correlation_ci95"}


@pytest.mark.parametrize("name", [*ANSWERERS, "untrained_head_unquantized"])
def test_the_scores_follow_from_the_predictions(name: str, result: dict[str, Any], predictions: pd.DataFrame) -> None:
    row, label, given = result["metrics"][name], predictions["label"], answers(predictions, name)
    assert row["n"] == len(predictions)
    assert row["accuracy"] == pytest.approx(accuracy_score(label, given))
    assert row["f1"] == pytest.approx(f1_score(label, given, zero_division=0.0))
    assert row["matthews_correlation"] == pytest.approx(matthews_corrcoef(label, given))
    assert row["loss"] == pytest.approx(log_loss(label, predictions[f"probability_{name}"]), rel=1e-6)
    cells = ("true_negative", "false_positive", "false_negative", "true_positive")
    assert [row["confusion"][cell] for cell in cells] == confusion_matrix(label, given).ravel().tolist()


@pytest.mark.parametrize("name", ANSWERERS)
def test_every_score_lies_in_its_interval(name: str, result: dict[str, Any]) -> None:
    row = result["metrics"][name]
    for metric, least in (("accuracy", 0), ("f1", 0), ("matthews_correlation", -1)):
        low, high = row[f"{metric}_ci95"]
        assert least <= low <= row[metric] <= high <= 1


@pytest.mark.parametrize("name", ["majority", "untrained_head", "linear_probe"])
def test_a_comparison_follows_from_the_predictions(
    name: str, result: dict[str, Any], predictions: pd.DataFrame
) -> None:
    comparison, label = result["comparison"][name], predictions["label"]
    before, after = (answers(predictions, each) == label for each in (name, "finetuned"))
    fixed, broken = int((after & ~before).sum()), int((before & ~after).sum())
    assert (comparison["fixed"], comparison["broken"]) == (fixed, broken)
    assert comparison["accuracy_gain"] == pytest.approx((fixed - broken) / len(label))
    tail = binom.cdf(min(fixed, broken), fixed + broken, 0.5)
    assert comparison["mcnemar_p"] == pytest.approx(min(1.0, 2 * tail))
    low, high = comparison["accuracy_gain_ci95"]
    assert low <= comparison["accuracy_gain"] <= high
    assert (comparison["outcome"] == "no_difference") == (comparison["mcnemar_p"] >= 0.05)
    assert ("No difference beyond chance" in comparison["verdict"]) == (comparison["outcome"] == "no_difference")


def test_the_strongest_baseline_is_the_one_that_answers_most_pairs_right(
    result: dict[str, Any], predictions: pd.DataFrame
) -> None:
    names = ("majority", "untrained_head", "linear_probe")
    right = {name: (answers(predictions, name) == predictions["label"]).sum() for name in names}
    assert right[result["strongest_baseline"]] == max(right.values())


def test_scores_that_another_library_does_not_find_make_no_result(
    finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(METRICS["f1"], of_counts=lambda tp, fp, fn, tn: (tp + 1) / (tp + fp + fn + tn))
    monkeypatch.setitem(METRICS, "f1", wrong)
    setup = Setup.load(finished_run.config)
    logits = dict.fromkeys(ANSWERERS, np.tile([0.0, 1.0], (len(setup.validation), 1)))
    with pytest.raises(RunFailure, match="The f1 of 'majority' was computed in two ways that disagree"):
        measurements(logits, setup)


def test_the_trained_parameters_are_those_of_the_adapter_file(finished_run: Run, result: dict[str, Any]) -> None:
    tensors = load_file(finished_run.adapter_dir / "adapter_model.safetensors")
    assert result["trainable_parameters"] == sum(tensor.numel() for tensor in tensors.values())


def test_the_base_models_parameters_are_counted_as_what_they_stand_for(
    finished_run: Run, result: dict[str, Any]
) -> None:
    whole = BertForSequenceClassification.from_pretrained(finished_run.config.base_model, num_labels=2)
    assert result["base_model"]["parameters"] == whole.num_parameters()
    assert result["total_parameters"] == whole.num_parameters() + result["trainable_parameters"]
    assert result["quantization"]["bytes_float32"] == 4 * whole.bert.num_parameters()


def test_the_quantised_bytes_are_half_a_byte_a_weight(finished_run: Run, result: dict[str, Any]) -> None:
    quantization = result["quantization"]
    whole = BertForSequenceClassification.from_pretrained(finished_run.config.base_model, num_labels=2)
    matrices = [p for name, p in whole.bert.encoder.named_parameters() if p.dim() == 2]
    assert quantization["scheme"] == "nf4"
    assert quantization["quantized_modules"] == len(matrices)
    assert quantization["bytes"]["encoder"] == sum(matrix.numel() for matrix in matrices) // 2
    assert quantization["bytes_total"] == sum(quantization["bytes"].values())
    assert quantization["bytes_float32_by_group"]["encoder"] == 8 * quantization["bytes"]["encoder"]


def test_the_counts_of_pairs_are_those_of_the_predictions(result: dict[str, Any], predictions: pd.DataFrame) -> None:
    assert result["dataset"]["validation"] == len(predictions) == 16
    assert result["dataset"]["train"] == 64
    assert predictions["idx"].is_unique


def test_speed_and_memory_are_measured(result: dict[str, Any]) -> None:
    pairs_seen = 64 * 2
    assert result["examples_per_second"] * result["train_seconds"] == pytest.approx(pairs_seen)
    assert 50e6 < result["peak_rss_bytes"] < 50e9


def test_the_reader_is_told_that_choosing_the_epoch_flatters(result: dict[str, Any]) -> None:
    assert "flatters" in result["selection_note"]
    assert "highest mean of validation accuracy and F1" in result["best_epoch_rule"]


@pytest.mark.parametrize(
    ("difference", "missing", "verified"), [(0.0, [], True), (0.0009, [], True), (0.01, [], False), (0.0, ["a"], False)]
)
def test_a_reload_is_verified_if_the_logits_agree_and_nothing_is_missing(
    difference: float, missing: list[str], verified: bool
) -> None:
    trained = np.array([[0.5, -0.5], [1.0, 2.0]], dtype=np.float32)
    reloaded = trained + np.array([[0, difference], [0, 0]], dtype=np.float32)
    report = compare_reloaded(trained, reloaded, missing)
    assert report["verified"] is verified
    assert report["max_abs_logit_difference"] == pytest.approx(difference, abs=1e-6)


def test_logits_that_are_no_numbers_are_not_verified() -> None:
    trained = np.array([[0.5, -0.5]], dtype=np.float32)
    assert compare_reloaded(trained, trained * np.nan, [])["verified"] is False


def test_accuracy_by_phenomenon_is_reported_where_the_pairs_name_one(
    tiny_config: Callable[..., RunConfig],
) -> None:
    names = ("untrained_head", "linear_probe", "finetuned")
    logits = {name: np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]) for name in names}
    labels, config = np.array([1, 0, 0]), tiny_config()
    report = measure_all(logits, labels, config, ["negation", "negation", "numbers"])
    for name in names:
        expected = {"negation": {"accuracy": 1.0, "n": 2}, "numbers": {"accuracy": 0.0, "n": 1}}
        assert report["by_phenomenon"][name] == expected
    assert "by_phenomenon" not in measure_all(logits, labels, config, None)


def test_pairs_without_phenomena_have_none(pairs: Any) -> None:
    assert phenomena(pairs) is None
    assert phenomena(pairs.add_column("phenomenon", ["negation"] * 12)) == ["negation"] * 12


def test_no_figure_is_nan_or_infinite(result: dict[str, Any]) -> None:
    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict | list):
            return [n for item in (value.values() if isinstance(value, dict) else value) for n in numbers(item)]
        return [value] if isinstance(value, float) else []

    assert all(math.isfinite(number) for number in numbers(result))


def test_the_fine_tuned_model_has_answered_some_training_pairs(finished_run: Run, result: dict[str, Any]) -> None:
    pairs = Setup.load(finished_run.config).train_sample
    again = probabilities(Predictor(finished_run).logits(pairs, "finetuned"))
    assert result["train_sample"]["label"] == pairs.labels.tolist()
    assert result["train_sample"]["probability_finetuned"] == pytest.approx(again.tolist(), abs=1e-4)
