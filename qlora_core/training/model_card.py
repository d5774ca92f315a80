"""The model card that travels with an adapter: what it is, what was measured, and how to load it."""

from pathlib import Path
from typing import Any

from qlora_core.store.files import replace_text

ROWS = {
    "majority": "always the commoner label",
    "untrained_head": "base model, untrained head",
    "linear_probe": "base model, linear probe",
    "finetuned": "fine-tuned (this adapter)",
    "reloaded": "reloaded from these files",
}


def write_model_card(folder: Path, result: dict[str, Any]) -> None:
    """Write ``README.md`` into the adapter's folder from the run's ``result.json``."""
    replace_text(folder / "README.md", model_card(result))


def model_card(result: dict[str, Any]) -> str:
    """The card's Markdown, its header in the form that the Hugging Face hub reads."""
    return "\n".join([*_header(result), *_summary(result), *_table(result), *_recipe(result), *_how_to_load(result)])


def _header(result: dict[str, Any]) -> list[str]:
    base = result["base_model"]["hub_id"]
    return [
        "---",
        "library_name: peft",
        *([f"base_model: {base}"] if base else []),
        "pipeline_tag: text-classification",
        "tags: [qlora, lora, paraphrase]",
        "language: en",
        "---",
        "",
    ]


def _summary(result: dict[str, Any]) -> list[str]:
    dataset, reload = result["dataset"], result["reload"]
    verified = "verified" if reload["verified"] else "NOT verified"
    return [
        f"# QLoRA adapter: {result['base_model']['id']} on {dataset['id']}",
        "",
        "Tells whether two English sentences say the same (label 1, paraphrase) or not (label 0).",
        "",
        result["comparison"]["linear_probe"]["verdict"],
        result["comparison"]["untrained_head"]["verdict"],
        "",
        f"Reload {verified}: the largest difference of a logit after reloading in a fresh process is "
        f"{reload['max_abs_logit_difference']:.2g}.",
        "",
    ]


def _table(result: dict[str, Any]) -> list[str]:
    dataset = result["dataset"]
    lines = [
        "## Measured",
        "",
        f"{dataset['validation']} validation pairs of {dataset['source']} (fingerprint {dataset['fingerprint'][:12]}), "
        f"trained on {dataset['train']}; 95 % bootstrap intervals in brackets.",
        result["selection_note"],
        "",
        "| | accuracy | F1 | loss |",
        "|---|---|---|---|",
    ]
    for name, words in ROWS.items():
        row = result["metrics"][name]
        accuracy, f1 = _with_interval(row, "accuracy"), _with_interval(row, "f1")
        lines.append(f"| {words} | {accuracy} | {f1} | {row['loss']:.3f} |")
    return [*lines, ""]


def _with_interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_ci95"]
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


def _recipe(result: dict[str, Any]) -> list[str]:
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
        f"Python {environment['python']}, {versions}.",
        "",
    ]


def _how_to_load(result: dict[str, Any]) -> list[str]:
    base = result["base_model"]
    return [
        "## How to load it",
        "",
        f"The adapter belongs to `{base['hub_id'] or base['id']}`, weights with SHA-256 `{base['sha256']}`.",
        "`load_adapter.py`, beside this folder in an exported run, loads it with transformers and peft alone.",
        "",
    ]
