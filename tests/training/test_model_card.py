"""The card in an adapter's folder: the figures that were measured, and a header that the hub can read."""

import copy
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from qlora_core.store.runs import Run
from qlora_core.training.model_card import ROWS, model_card, write_model_card


@pytest.fixture
def result(finished_run: Run) -> dict[str, Any]:
    """A finished run's result, free to be changed."""
    result = finished_run.result
    assert result is not None
    return copy.deepcopy(result)


def test_a_finished_run_has_a_card_beside_its_adapter(finished_run: Run, result: dict[str, Any]) -> None:
    assert (finished_run.adapter_dir / "README.md").read_text(encoding="utf-8") == model_card(result)


@pytest.mark.parametrize("hub_id", ["google-bert/bert-base-cased", None])
def test_the_hub_reads_the_header(hub_id: str | None, result: dict[str, Any]) -> None:
    result["base_model"]["hub_id"] = hub_id
    header = ModelCard(model_card(result)).data.to_dict()
    assert header.pop("base_model", None) == hub_id
    assert header == {
        "library_name": "peft",
        "pipeline_tag": "text-classification",
        "tags": ["qlora", "lora", "paraphrase"],
        "language": "en",
    }


@pytest.mark.parametrize(("name", "words"), ROWS.items())
def test_every_answerers_figures_are_in_the_table(name: str, words: str, result: dict[str, Any]) -> None:
    row = result["metrics"][name]
    accuracy_low, accuracy_high = row["accuracy_ci95"]
    f1_low, f1_high = row["f1_ci95"]
    expected = (
        f"| {words} | {row['accuracy']:.3f} [{accuracy_low:.3f}, {accuracy_high:.3f}] "
        f"| {row['f1']:.3f} [{f1_low:.3f}, {f1_high:.3f}] | {row['loss']:.3f} |"
    )
    assert expected in model_card(result).splitlines()


def test_the_card_says_what_was_compared_chosen_and_used(result: dict[str, Any]) -> None:
    card = model_card(result)
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


@pytest.mark.parametrize(("verified", "words"), [(True, "Reload verified: "), (False, "Reload NOT verified: ")])
def test_the_card_says_whether_the_reload_was_verified(verified: bool, words: str, result: dict[str, Any]) -> None:
    result["reload"] |= {"verified": verified, "max_abs_logit_difference": 0.0123}
    assert f"{words}the largest difference of a logit after reloading in a fresh process is 0.012." in model_card(
        result
    )


def test_a_card_is_written_over_an_older_one(result: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("the card that peft writes", encoding="utf-8")
    write_model_card(tmp_path, result)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == model_card(result)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
