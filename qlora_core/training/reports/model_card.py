"""The model card that travels with an adapter: what it is, what was measured, and how to load it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from qlora_core.choices import SCHEMES, Scheme, explained
from qlora_core.data.catalog import DATASETS
from qlora_core.evaluation.answerers import ANSWERERS, borrowed_baselines_words
from qlora_core.evaluation.comparison import recorded_comparisons
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import finetuned_values, recorded_scores
from qlora_core.evaluation.truncation import truncation_words
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.store.files import replace_text
from qlora_core.training.start import started_words

Values = Mapping[str, float | None]
BESIDE = "`load_adapter.py`, beside this folder in an exported run, loads it with transformers and peft alone."
TASK = "text-classification"
#: What the hub's list of results calls pairs that it has no dataset of.
OWN_PAIRS = "sentence-pairs"


def write_model_card(folder: Path, result: dict[str, Any]) -> None:
    """Write ``README.md`` into the adapter's folder from the run's ``result.json``."""
    replace_text(folder / "README.md", str(model_card(result)))


def model_card(result: dict[str, Any]) -> ModelCard:
    """The card, its header in the form that the Hugging Face hub reads, scores among it."""
    return card_of(
        header(result), [*_summary(result), *measured_table(result), *how_it_was_made(result), *_how_to_load(result)]
    )


def pushed_card(result: dict[str, Any], repository: str) -> ModelCard:
    """The card of an adapter in a repository on the hub, beside ``load_adapter.py``."""
    return card_of(
        header(result),
        [*_summary(result), *measured_table(result), *how_it_was_made(result), *_how_to_load(result, repository)],
    )


def card_of(data: ModelCardData, lines: list[str]) -> ModelCard:
    """A card of its header and the lines of its text."""
    text = "\n".join(lines)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")


def header(result: dict[str, Any], library_name: str = "peft", values: Values | None = None) -> ModelCardData:
    """What the hub reads.

    Args:
        values: scores of the model that the card is about, by metric; without them, the adapter's.
    """
    entry, base = DATASETS.get(result["config"]["dataset"]), BASE_MODELS.get(result["base_model"]["id"])
    return ModelCardData(
        library_name=library_name,
        license=base.licence.lower() if base else None,
        base_model=result["base_model"]["hub_id"],
        datasets=[entry.hub_id] if entry and entry.hub_id else None,
        pipeline_tag=TASK,
        tags=["qlora", "lora", "paraphrase"],
        language="en",
        metrics=[name for name, metric in METRICS.items() if metric.has_interval],
        model_name=_on_one_line(f"{result['base_model']['id']} on {result['dataset']['id']}, QLoRA"),
        eval_results=_eval_results(result, values or finetuned_values(result)),
    )


def _eval_results(result: dict[str, Any], values: Values) -> list[EvalResult]:
    """Scores as the hub lists them: those that have the name of a metric there."""
    return [
        EvalResult(
            task_type=TASK,
            metric_type=name,
            metric_name=METRICS[name].heading,
            metric_value=round(value, 4),
            **_hub_dataset(result),
        )
        for name, value in values.items()
        if value is not None and METRICS[name].has_interval
    ]


def _hub_dataset(result: dict[str, Any]) -> dict[str, Any]:
    """The validation pairs as ``EvalResult`` describes a dataset."""
    dataset, entry = result["dataset"], DATASETS.get(result["config"]["dataset"])
    known = {"dataset_split": "validation", "dataset_args": {"fingerprint": dataset["fingerprint"]}}
    if entry and entry.hub_id:
        names = {"dataset_name": f"GLUE {entry.name.upper()}", "dataset_revision": dataset.get("revision")}
        return known | names | {"dataset_type": entry.hub_id, "dataset_config": entry.name}
    return known | {"dataset_type": OWN_PAIRS, "dataset_name": _on_one_line(dataset["source"])}


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _summary(result: dict[str, Any]) -> list[str]:
    dataset, reload = result["dataset"], result["reload"]
    verified = "verified" if reload["verified"] else "NOT verified"
    where = "in a fresh process" if reload.get("fresh_process", True) else "from its files"
    return [
        f"# QLoRA adapter: {result['base_model']['id']} on {dataset['id']}",
        "",
        "Tells whether two English sentences say the same (label 1, paraphrase) or not (label 0).",
        "",
        *(comparison["verdict"] for comparison in recorded_comparisons(result).values()),
        "",
        f"Reload {verified}: the largest difference of a logit after reloading {where} is "
        f"{reload['max_abs_logit_difference']:.2g}.",
        "",
    ]


def measured_table(result: dict[str, Any]) -> list[str]:
    """Every answerer's scores, and on what they were measured."""
    dataset, measured = result["dataset"], recorded_scores(result)
    lines = [
        "## Measured",
        "",
        f"{dataset['validation']} validation pairs of {dataset['source']} (fingerprint {dataset['fingerprint'][:12]}), "
        f"trained on {dataset['train']}; 95 % bootstrap intervals in brackets.",
        result["selection_note"],
        truncation_words(dataset, result["config"]["max_length"]),
        borrowed_baselines_words(result),
        "",
        f"| | {' | '.join(metric.label for metric in METRICS.values())} |",
        "|---" * (1 + len(METRICS)) + "|",
    ]
    for name, answerer in ANSWERERS.items():
        if name in measured and not answerer.is_detail:
            cells = [answerer.help, *(measured[name].words(metric) for metric in METRICS)]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", explained(METRICS), ""]


def how_it_was_made(result: dict[str, Any]) -> list[str]:
    """Settings, machine and versions."""
    config, environment = result["config"], result["environment"]
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    return [
        "## How it was made",
        "",
        f"Quantisation {config['quantization']}, LoRA r {config['r']}, alpha {config['lora_alpha']:g} on "
        f"{', '.join(config['target_modules'])}; learning rate {config['learning_rate']:g}, "
        f"batch {config['train_batch_size']}, seed {config['seed']}; best epoch {result['best_epoch']:g} "
        f"of {config['num_train_epochs']}; {result['trainable_parameters']:,} of "
        f"{result['total_parameters']:,} parameters trained in {result['train_seconds']:.0f} s on "
        f"{environment['device_name']} ({environment['threads']} threads, {environment['compute_dtype']}).",
        "",
        *filter(None, [started_words(result)]),
        f"Python {environment['python']}, {versions}.",
        "",
    ]


def _how_to_load(result: dict[str, Any], repository: str = "") -> list[str]:
    base = result["base_model"]
    return [
        "## How to load it",
        "",
        f"The adapter belongs to `{base['hub_id'] or base['id']}`, weights with SHA-256 `{base['sha256']}`.",
        *(_from_hub(repository) if repository else [BESIDE]),
        *_merging(SCHEMES[result["config"]["quantization"]]),
        "",
    ]


def _from_hub(repository: str) -> list[str]:
    return [
        "`load_adapter.py` loads it with transformers, bitsandbytes and peft alone; `run.ipynb` trains it again:",
        "",
        "```",
        f"hf download {repository} --local-dir adapter",
        'python adapter/load_adapter.py "First sentence." "Second sentence."',
        "```",
        "",
    ]


def _merging(scheme: Scheme) -> list[str]:
    """Why the adapter belongs on quantised weights alone."""
    if scheme.bits is None:
        return []
    return [
        f"The adapter was trained on weights {scheme.stored}, and corrects the error of their rounding too. So "
        "`merge_and_unload()` on the float32 base model gives another model than the one measured here, and some of "
        "its answers differ."
    ]
