"""A finished run in words and rows, for the tab "Results". Nothing here draws, asks or writes."""

from collections.abc import Mapping
from typing import Any

from qlora_core.config import PATH_FIELDS, RunConfig, file_name
from qlora_core.errors import RunError
from qlora_core.evaluation.flips import Flip
from qlora_core.store.runs import Run
from qlora_core.ui.reading import ColumnType, moment, reading, result_of
from qlora_core.ui.safe_text import plain

Result = Mapping[str, Any]
LABELS = ("different", "same")
SETTING_HEADERS = ["Setting", "Value", "What it is"]
ENVIRONMENT_HEADERS = ["What", "Value"]
FLIP_HEADERS = [
    "Flip", "Sentence 1", "Sentence 2", "Label", "Before", "After", "Change", "Phenomenon", "idx",
]  # fmt: skip
FLIP_TYPES: list[ColumnType] = ["str", "str", "str", "str", "number", "number", "number", "str", "number"]
SENTENCE_COLUMNS = (FLIP_HEADERS.index("Sentence 1"), FLIP_HEADERS.index("Sentence 2"))
SHOWN_VERSIONS = ("torch", "transformers", "peft", "bitsandbytes")
#: How a comparison's verdict begins that claims nothing (``evaluation.compare``).
NO_DIFFERENCE = "No difference beyond chance"


def short_label(run: Run) -> str:
    """What a run is called in a figure with several."""
    return f"{run.id[-4:]} {file_name(run.config.base_model)}"


def long_label(run: Run, *, recorded: bool) -> str:
    """What a run is called where it is chosen; damage is said, not hidden."""
    try:
        with reading(run):
            outcome = f"accuracy {result_of(run)['metrics']['finetuned']['accuracy']:.3f}"
    except RunError:
        outcome = "result damaged"
    config = run.config
    what = f"{file_name(config.base_model)} on {file_name(config.dataset)}, {outcome}"
    return f"{what}, {moment(run.status.created)} UTC ({run.id[-4:]}){', recorded' if recorded else ''}"


def headline(result: Result) -> str:
    """What changed, by how much, and whether it is more than luck, as Markdown."""
    metrics, comparison = result["metrics"], result["comparison"]
    before, probe, after = (metrics[name] for name in ("untrained_head", "linear_probe", "finetuned"))
    notes = [result.get("selection_note", "")]
    if result.get("stopped_early"):
        notes.append("The run was stopped before its last epoch.")
    return "\n\n".join(
        [
            f"## {headline_words(comparison['linear_probe'])}",
            f"Of {after['n']} validation pairs, fine-tuning answers **{after['accuracy']:.1%}** right "
            f"(F1 {after['f1']:.3f}). "
            f"The same encoder with only a linear probe: {probe['accuracy']:.1%} (F1 {probe['f1']:.3f}). "
            f"With an untrained head: {before['accuracy']:.1%} (F1 {before['f1']:.3f}).",
            "- **Against the linear probe**, the honest comparison: "
            f"{plain(comparison['linear_probe']['verdict'], 600)}\n"
            "- **Against the untrained head**, which has learned nothing: "
            f"{plain(comparison['untrained_head']['verdict'], 600)}",
            " ".join(plain(note, 600) for note in notes if note),
        ]
    )


def headline_words(comparison: Mapping[str, Any]) -> str:
    """One line about fine-tuning against the linear probe that claims no more than the verdict does."""
    gain, low, high = (
        f"{100 * share:+.1f}" for share in (comparison["accuracy_gain"], *comparison["accuracy_gain_ci95"])
    )
    luck = "which may be luck" if comparison["verdict"].startswith(NO_DIFFERENCE) else "more than luck"
    return f"{gain} points of accuracy against a linear probe, {luck} (95 % interval {low} to {high})"


def facts(run: Run, result: Result, *, recorded: bool) -> str:
    """Seed, hardware and versions, which belong beside every number, as Markdown."""
    machine, data, config = result["environment"], result["dataset"], run.config
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    versions = ", ".join(f"{name} {machine['versions'].get(name, 'unknown')}" for name in SHOWN_VERSIONS)
    words = [
        f"Recorded run {run.id}" if recorded else f"Run {run.id}",
        f"{file_name(config.base_model)} in {config.quantization}, LoRA r {config.r}, seed {config.seed}",
        f"{data['train']} training and {data['validation']} validation pairs ({file_name(config.dataset)})",
        f"trained {result['train_seconds']:.0f} s on {machine['device_name']}, {threads}, {machine['compute_dtype']}",
        versions,
    ]
    return " · ".join(plain(word) for word in words)


def badge(result: Result) -> str:
    """Whether the saved adapter answered as the trained one did: a mark and words."""
    reload = result["reload"]
    difference = f"largest logit difference {reload['max_abs_logit_difference']:.3g}"
    if reload["verified"]:
        return f"✓ Reload verified, {difference}"
    return f"✗ Reload not verified, {difference}"


def evidence(result: Result) -> str:
    """What the badge rests on, as Markdown."""
    reload, n = result["reload"], result["metrics"]["reloaded"]["n"]
    missing = reload["missing_tensors"]
    return "\n".join(
        [
            "Adapter, classifier and tokenizer were saved. A fresh process, which shares nothing with training but the "
            "files, quantised the base model anew, loaded them with plain transformers and PEFT, and answered every "
            "validation pair.",
            "",
            f"- Pairs answered: {n}, two logits each",
            f"- Largest difference between two logits: {reload['max_abs_logit_difference']:.3g}",
            f"- Allowed: {reload['tolerance']:g}",
            f"- Tensors trained but not found again: {plain(', '.join(missing), 600) if missing else 'none'}",
            f"- Accuracy reloaded: {result['metrics']['reloaded']['accuracy']:.4f}, "
            f"trained: {result['metrics']['finetuned']['accuracy']:.4f}",
        ]
    )


def shown_value(name: str, value: object) -> str:
    """A setting as the page shows it: of a path only the file's name, which is all that a visitor may know."""
    if value is None:
        return "all" if name.startswith("max_") else "none"
    if name in PATH_FIELDS:
        return file_name(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def setting_rows(config: RunConfig) -> list[list[str]]:
    """Every setting: name, value, meaning."""
    fields = RunConfig.model_fields.items()
    return [[name, shown_value(name, getattr(config, name)), field.description or ""] for name, field in fields]


def environment_rows(result: Result) -> list[list[str]]:
    """Machine, versions, base model and data, one a row."""
    machine = dict(result["environment"])
    versions = machine.pop("versions", {})
    groups = {"": machine, "version of ": versions, "base model, ": result["base_model"], "pairs, ": result["dataset"]}
    rows = [[prefix + name, value] for prefix, group in groups.items() for name, value in group.items()]
    return [[name.replace("_", " "), "unknown" if value is None else str(value)] for name, value in rows]


def flip_rows(pairs: list[Flip]) -> list[list[str | float | int]]:
    """One row a pair, its columns those of ``FLIP_HEADERS``; probabilities are those of "same"."""
    return [
        [
            pair.kind,
            pair.sentences.sentence1 if pair.sentences else "",
            pair.sentences.sentence2 if pair.sentences else "",
            LABELS[pair.label],
            round(pair.before, 3),
            round(pair.after, 3),
            round(pair.change, 3),
            pair.sentences.phenomenon if pair.sentences else "",
            pair.idx,
        ]
        for pair in pairs
    ]


def flip_words(shown: int, chosen: list[Flip], everything: list[Flip], missing: str) -> str:
    """How many pairs flipped, and how many of them the table shows."""
    fixed = sum(pair.kind == "fixed" for pair in everything)
    words = [f"Fine-tuning fixed **{fixed}** pairs and broke **{len(everything) - fixed}**."]
    if len(chosen) < len(everything):
        words.append(f"{len(chosen)} of them fit your choice.")
    if shown < len(chosen):
        words.append(f"The first {shown} are shown.")
    return " ".join([*words, missing])
