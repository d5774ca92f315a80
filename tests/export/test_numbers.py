"""The table of all numbers."""

from typing import Any

import pytest

from qlora_core.export.numbers import numbers_table
from tests.example_result import make_result


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return make_result()


def test_the_table_holds_every_number_of_every_answerer(result: dict[str, Any]) -> None:
    headers, rows = numbers_table(result)
    table = {row[0]: dict(zip(headers, row, strict=True)) for row in rows}
    assert list(table) == ["Majority class", "Untrained head", "Linear probe", "Fine-tuned", "Reloaded"]
    metrics, row = result["metrics"]["finetuned"], table["Fine-tuned"]
    assert row["Accuracy"] == round(metrics["accuracy"], 4)
    assert [row["F1 95 % from"], row["F1 95 % to"]] == [round(end, 4) for end in metrics["f1_ci95"]]
    assert row["MCC"] == round(metrics["matthews_correlation"], 4)
    assert [row["MCC 95 % from"], row["MCC 95 % to"]] == [round(end, 4) for end in metrics["matthews_correlation_ci95"]]
    assert row["Loss (nats)"] == round(metrics["loss"], 4)
    assert row["ECE"] == round(result["calibration"]["finetuned"]["ece"], 4)
    assert row["Same, answered different"] == metrics["confusion"]["false_negative"]
    assert row["Different, answered same"] == metrics["confusion"]["false_positive"]
    assert [each["Answers"] for each in table.values()] == ["same", "both", "both", "both", "both"]


@pytest.mark.parametrize("name", ["majority", "untrained_head", "linear_probe"])
def test_a_baselines_row_has_what_fine_tuning_gained_over_it(name: str, result: dict[str, Any]) -> None:
    headers, rows = numbers_table(result)
    compared, row = result["comparison"][name], rows[list(result["metrics"]).index(name)]
    found = dict(zip(headers, row, strict=True))
    assert found["Fine-tuning gains"] == round(compared["accuracy_gain"], 4)
    assert found["Gain 95 % from"] == round(compared["accuracy_gain_ci95"][0], 4)
    assert found["McNemar p"] == round(compared["mcnemar_p"], 4)
    assert (found["Fixed"], found["Broken"]) == (compared["fixed"], compared["broken"])
    assert dict(zip(headers, rows[-1], strict=True))["Fine-tuning gains"] is None


def test_the_table_leaves_out_a_number_that_is_missing(result: dict[str, Any]) -> None:
    fewer = {key: value for key, value in result.items() if key != "calibration"}
    headers, rows = numbers_table(fewer)
    assert {row[headers.index("ECE")] for row in rows} == {None}


def test_a_run_that_did_not_measure_a_metric_has_it_from_its_counts(result: dict[str, Any]) -> None:
    scores = {
        name: {key: value for key, value in row.items() if not key.startswith("matthews")}
        for name, row in result["metrics"].items()
    }
    config = {"seed": 0, "bootstrap_samples": 500}
    assert numbers_table(result | {"metrics": scores, "config": config}) == numbers_table(result)
    headers, rows = numbers_table(result | {"metrics": scores})
    assert {row[headers.index("MCC 95 % from")] for row in rows} == {None}
