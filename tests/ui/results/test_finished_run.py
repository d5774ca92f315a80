"""A finished run in words."""

import copy
from html import unescape
from typing import Any

import pytest

from qlora_core.evaluation.answerers import label_of
from qlora_core.store.run import Run
from qlora_core.ui.results import finished_run as words


@pytest.fixture
def result(finished_run: Run) -> dict[str, Any]:
    """A result that a test may change."""
    return copy.deepcopy(finished_run.require_result())


def comparison(gain: float, interval: tuple[float, float], p: float, **more: Any) -> dict[str, Any]:
    record = {"accuracy_gain": gain, "accuracy_gain_ci95": interval, "mcnemar_p": p, "fixed": 9, "broken": 4}
    return record | more


@pytest.mark.parametrize("recorded", [True, False], ids=["as it is written now", "as earlier versions wrote it"])
def test_the_headline_claims_a_gain_only_where_one_was_found(recorded: bool) -> None:
    better = comparison(0.053, (0.021, 0.085), 0.01, **({"outcome": "better"} if recorded else {}))
    assert words.headline_words("linear_probe", better, 60) == (
        "+5.3 points of accuracy against the linear probe, more than luck (95 % interval +2.1 to +8.5)"
    )
    unclear = comparison(-0.002, (-0.007, 0.0), 0.6, **({"outcome": "no_difference"} if recorded else {}))
    assert words.headline_words("majority", unclear, 60) == (
        "-0.2 points of accuracy against the majority class, which may be luck (95 % interval -0.7 to +0.0)"
    )


def test_baselines_of_another_run_are_said_to_be(result: dict[str, Any]) -> None:
    assert "The baselines were measured" not in words.headline(result)
    result["baselines"] = {"run_id": "20261129-other-abcd", "measured_at": 1_795_910_400.0}
    said = "The baselines were measured on 29 November 2026 in run 20261129-other-abcd."
    assert said in unescape(words.headline(result))
    del result["baselines"]  # as earlier versions wrote it
    assert "The baselines were measured" not in words.headline(result)


def test_the_headline_says_where_all_answers_are_the_same() -> None:
    record = comparison(0.0, (0.0, 0.0), 1.0, fixed=0, broken=0, only_answer_after=0)
    assert words.headline_words("majority", record, 60) == (
        "No gain: the same answers as the majority class, to every pair. "
        "Fine-tuning gives the same answer, different, to all 60 pairs"
    )
    gained = comparison(0.8, (0.7, 0.9), 0.001, only_answer_after=1)
    assert words.headline_words("untrained_head", gained, 60).endswith(
        "to +90.0). Fine-tuning gives the same answer, same, to all 60 pairs"
    )


def test_the_headline_has_every_score_of_the_three_that_are_compared(result: dict[str, Any]) -> None:
    text = words.headline(result)
    for name in ("finetuned", "majority", "linear_probe", "untrained_head"):
        row = result["metrics"][name]
        assert f"(F1 {row['f1']:.3f}, MCC {row['matthews_correlation']:.3f})" in text
    older = copy.deepcopy(result)
    for row in older["metrics"].values():
        del row["matthews_correlation"], row["matthews_correlation_ci95"]
    assert words.headline(older) == text


@pytest.mark.parametrize("strongest", ["majority", "untrained_head", "linear_probe"])
def test_the_headline_is_about_the_strongest_baseline(strongest: str, result: dict[str, Any]) -> None:
    for name in ("majority", "untrained_head", "linear_probe"):
        result["metrics"][name]["accuracy"] = 0.9 if name == strongest else 0.1
    first, *_, bullets, _ = words.headline(result).split("\n\n")
    assert first.startswith("## ")
    assert label_of(strongest) in first
    assert bullets.startswith(f"- **Against the {label_of(strongest)}**")
    assert bullets.count("- **Against the ") == 3


def test_the_headline_tells_how_the_epoch_was_chosen(result: dict[str, Any]) -> None:
    text = words.headline(result)
    assert "best epoch was chosen on the same validation pairs" in text
    assert f"{result['metrics']['finetuned']['accuracy']:.1%}" in text
    assert "stopped" not in text
    assert "stopped before its last epoch" in words.headline(result | {"stopped_early": True})


def test_the_headline_says_that_pairs_were_cut_off(result: dict[str, Any]) -> None:
    assert "their ends were not read" not in words.headline(result)
    result["dataset"] |= {"train_truncated": 3}
    assert "3 of 64 training and 0 of 16 validation pairs are longer than 128 tokens; their ends were not read." in (
        words.headline(result)
    )
    del result["dataset"]["train_truncated"], result["dataset"]["validation_truncated"]
    assert "their ends were not read" not in words.headline(result)


def test_words_from_a_result_are_harmless(result: dict[str, Any]) -> None:
    result["comparison"]["linear_probe"]["verdict"] = "<img src=x onerror=alert(1)> [x](javascript:1)"
    result["selection_note"] = "<script>"
    text = words.headline(result)
    assert "<" not in text
    assert "[x]" not in text


def test_the_badge_says_whether_the_reload_was_verified(result: dict[str, Any]) -> None:
    assert words.badge(result) == "✓ Reload verified, largest logit difference 0"
    assert "Tensors trained but not found again: none" in words.evidence(result)
    result["reload"] = {
        "verified": False,
        "max_abs_logit_difference": 0.25,
        "tolerance": 0.001,
        "missing_tensors": ["classifier.weight"],
    }
    assert words.badge(result) == "✗ Reload not verified, largest logit difference 0.25"
    assert "classifier&#46;weight" in words.evidence(result)


def test_facts_name_seed_versions_and_hardware(finished_run: Run, result: dict[str, Any]) -> None:
    text = unescape(words.facts(finished_run.id, finished_run.config, result, "recorded"))
    assert text.startswith("Recorded run")
    for part in (
        "tiny-bert, in NF4, LoRA r ",
        "seed 0",
        "torch",
        "bitsandbytes",
        result["environment"]["device_name"].split()[0],
    ):
        assert part in text


def test_facts_of_an_unquantised_run_say_so(finished_run: Run, result: dict[str, Any]) -> None:
    config = finished_run.config.model_copy(update={"quantization": "none"})
    text = unescape(words.facts(finished_run.id, config, result, ""))
    assert "tiny-bert, unquantised, LoRA r " in text
