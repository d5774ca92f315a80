"""The card in an adapter's folder: the scores that were measured, and a header that the hub can read."""

import copy
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from qlora_core.data.catalog import DATASETS
from qlora_core.evaluation.answerers import ANSWERERS
from qlora_core.store.run import Run
from qlora_core.training.reports.model_card import model_card, write_model_card


@pytest.fixture
def result(finished_run: Run) -> dict[str, Any]:
    """A finished run's result, free to be changed."""
    result = finished_run.result
    assert result is not None
    return copy.deepcopy(result)


def read(result: dict[str, Any]) -> ModelCard:
    """The card as somebody finds it who has its text alone."""
    return ModelCard(str(model_card(result)))


def header(result: dict[str, Any]) -> ModelCardData:
    data = read(result).data
    assert isinstance(data, ModelCardData)
    return data


def eval_results(result: dict[str, Any]) -> list[EvalResult]:
    found = header(result).eval_results
    assert found
    return found


def test_a_finished_run_has_a_card_beside_its_adapter(finished_run: Run, result: dict[str, Any]) -> None:
    assert (finished_run.adapter_dir / "README.md").read_text(encoding="utf-8") == str(model_card(result))


@pytest.mark.parametrize("hub_id", ["google-bert/bert-base-cased", None])
def test_the_hub_reads_the_header(hub_id: str | None, result: dict[str, Any]) -> None:
    result["base_model"]["hub_id"] = hub_id
    found = header(result).to_dict()
    assert found.pop("base_model", None) == hub_id
    assert found.pop("model-index")
    assert found == {
        "library_name": "peft",
        "pipeline_tag": "text-classification",
        "tags": ["qlora", "lora", "paraphrase"],
        "language": "en",
        "metrics": ["accuracy", "f1", "matthews_correlation"],
    }


def test_the_hub_finds_the_adapters_scores(result: dict[str, Any]) -> None:
    found = eval_results(result)
    scores = result["metrics"]["finetuned"]
    assert {each.metric_type: each.metric_value for each in found} == {
        name: round(scores[name], 4) for name in ("accuracy", "f1", "matthews_correlation")
    }
    assert [each.metric_name for each in found] == ["Accuracy", "F1", "MCC"]
    for each in found:
        assert (each.task_type, each.dataset_type, each.dataset_split) == (
            "text-classification", "sentence-pairs", "validation",
        )  # fmt: skip
        assert each.dataset_name == "file tiny.jsonl"
        assert each.dataset_args == {"fingerprint": result["dataset"]["fingerprint"]}


@pytest.mark.parametrize("revision", [DATASETS["mrpc"].revision, None])
def test_mrpc_goes_by_the_hubs_own_names(revision: str | None, result: dict[str, Any]) -> None:
    result["config"]["dataset"] = "mrpc"
    result["dataset"]["revision"] = revision
    data = header(result)
    assert data.datasets == ["nyu-mll/glue"]
    for each in eval_results(result):
        assert (each.dataset_type, each.dataset_config, each.dataset_split) == ("nyu-mll/glue", "mrpc", "validation")
        assert each.dataset_revision == revision


def test_a_file_named_like_the_hubs_data_set_is_not_taken_for_it(result: dict[str, Any]) -> None:
    result["dataset"]["id"] = "mrpc"
    assert {each.dataset_type for each in eval_results(result)} == {"sentence-pairs"}


@pytest.mark.parametrize("name", ["a: b", "- x", "'", '"', "{}", "a\n---\nb", "#", "!!python/a", "\u2028", "\t%@&*"])
def test_no_name_that_a_user_chose_breaks_the_header(name: str, result: dict[str, Any]) -> None:
    result["base_model"]["id"] = result["dataset"]["id"] = name
    result["dataset"]["source"] = f"file {name}.csv"
    data = header(result)
    shown = " ".join(name.split())
    assert data.model_name == " ".join(f"{shown} on {shown}, QLoRA".split())
    assert {each.dataset_name for each in eval_results(result)} == {f"file {' '.join(f'{name}.csv'.split())}"}
    assert data.library_name == "peft"


#: Those that a run from scratch has.
IN_THE_TABLE = [name for name, answerer in ANSWERERS.items() if not answerer.is_detail and name != "started_from"]


@pytest.mark.parametrize("name", IN_THE_TABLE)
def test_every_answerers_scores_are_in_the_table(name: str, result: dict[str, Any]) -> None:
    row = result["metrics"][name]
    cells = [
        f"{row[metric]:.3f} [{row[f'{metric}_ci95'][0]:.3f}, {row[f'{metric}_ci95'][1]:.3f}]"
        for metric in ("accuracy", "f1", "matthews_correlation")
    ]
    expected = f"| {ANSWERERS[name].help} | {' | '.join(cells)} | {row['loss']:.3f} |"
    lines = read(result).text.splitlines()
    assert expected in lines
    assert "| | accuracy | F1 | MCC | loss |" in lines


def test_the_card_of_a_run_without_matthews_correlation_has_it_from_the_counts(result: dict[str, Any]) -> None:
    older = copy.deepcopy(result)
    for row in older["metrics"].values():
        del row["matthews_correlation"], row["matthews_correlation_ci95"]
    assert str(model_card(older)) == str(model_card(result))


def test_the_cards_first_sentence_about_scores_is_about_the_strongest_baseline(result: dict[str, Any]) -> None:
    for name in ("majority", "untrained_head", "linear_probe"):
        result["metrics"][name]["accuracy"] = 0.9 if name == "majority" else 0.1
    card = read(result).text
    verdicts = [result["comparison"][name]["verdict"] for name in ("majority", "untrained_head", "linear_probe")]
    places = [card.index(verdict) for verdict in verdicts]
    assert places == sorted(places)


def test_the_card_says_that_pairs_were_cut_off(result: dict[str, Any]) -> None:
    assert "their ends were not read" not in read(result).text
    result["dataset"] |= {"validation_truncated": 2}
    said = "0 of 64 training and 2 of 16 validation pairs are longer than 128 tokens; their ends were not read."
    assert said in read(result).text


def test_the_card_says_what_was_compared_chosen_and_used(result: dict[str, Any]) -> None:
    card = read(result).text
    base, dataset = result["base_model"], result["dataset"]
    versions = result["environment"]["versions"]
    said = [
        *(comparison["verdict"] for comparison in result["comparison"].values()),
        result["selection_note"],
        f"{dataset['validation']} validation pairs",
        f"trained on {dataset['train']}",
        dataset["fingerprint"][:12],
        base["sha256"],
        f"seed {result['config']['seed']}",
        f"best epoch {result['best_epoch']:g} of {result['config']['num_train_epochs']}",
        f"{result['trainable_parameters']:,} of {result['total_parameters']:,} parameters",
        f"peft {versions['peft']}",
    ]
    assert [words for words in said if words not in card] == []


def test_the_card_says_why_a_merged_model_answers_otherwise(result: dict[str, Any]) -> None:
    assert "`merge_and_unload()` on the float32 base model gives another model" in read(result).text
    assert "trained on weights in NF4" in read(result).text
    result["config"]["quantization"] = "none"
    assert "merge_and_unload" not in read(result).text


@pytest.mark.parametrize(("verified", "words"), [(True, "Reload verified: "), (False, "Reload NOT verified: ")])
def test_the_card_says_whether_the_reload_was_verified(verified: bool, words: str, result: dict[str, Any]) -> None:
    result["reload"] |= {"verified": verified, "max_abs_logit_difference": 0.0123}
    assert f"{words}the largest difference of a logit after reloading in a fresh process is 0.012." in str(
        model_card(result)
    )


def test_a_card_is_written_over_an_older_one(result: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("the card that peft writes", encoding="utf-8")
    write_model_card(tmp_path, result)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == str(model_card(result))
    assert ModelCard.load(tmp_path / "README.md").data.eval_results
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_baselines_of_another_run_are_said_to_be(result: dict[str, Any]) -> None:
    assert "The baselines were measured" not in read(result).text
    result["baselines"] = {"run_id": "another-run", "measured_at": 1_795_910_400.0}
    assert "The baselines were measured on 29 November 2026 in run another-run." in read(result).text
