"""A finished run in words."""

from qlora_core.config import RunConfig, file_name
from qlora_core.evaluation.comparison import Outcome, recorded_outcome
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import RecordedScores, Result, recorded_scores
from qlora_core.ui.safe_text import plain

MAX_SENTENCE = 600  #: characters shown of a sentence from a result
SHOWN_VERSIONS = ("torch", "transformers", "peft", "bitsandbytes")


def headline(result: Result) -> str:
    """What changed, by how much, and whether it is more than luck, as Markdown."""
    comparison, scores = result["comparison"], recorded_scores(result)
    before, probe, after = (_scores(scores[name]) for name in ("untrained_head", "linear_probe", "finetuned"))
    notes = [result.get("selection_note", "")]
    if result.get("stopped_early"):
        notes.append("The run was stopped before its last epoch.")
    return "\n\n".join(
        [
            f"## {headline_words(comparison['linear_probe'])}",
            f"Of {result['metrics']['finetuned']['n']} validation pairs, fine-tuning answers **{after[0]}** right "
            f"({after[1]}). The same encoder with only a linear probe: {probe[0]} ({probe[1]}). "
            f"With an untrained head: {before[0]} ({before[1]}).",
            "- **Against the linear probe**, the honest comparison: "
            f"{plain(comparison['linear_probe']['verdict'], MAX_SENTENCE)}\n"
            "- **Against the untrained head**, which has learned nothing: "
            f"{plain(comparison['untrained_head']['verdict'], MAX_SENTENCE)}",
            " ".join(plain(note, MAX_SENTENCE) for note in notes if note),
        ]
    )


def _scores(scores: RecordedScores) -> tuple[str, str]:
    """Accuracy in per cent, and the other metrics that have an interval as a list."""
    rest = [metric for metric in METRICS.values() if metric.has_interval and metric.name != "accuracy"]
    listed = ", ".join(f"{metric.label} {shown(scores.value(metric.name))}" for metric in rest)
    return f"{scores.record['accuracy']:.1%}", listed


def headline_words(comparison: Result) -> str:
    """One line about fine-tuning against the linear probe that claims no more than was found."""
    gain, low, high = (
        f"{100 * share:+.1f}" for share in (comparison["accuracy_gain"], *comparison["accuracy_gain_ci95"])
    )
    may_be_luck = recorded_outcome(comparison) is Outcome.NO_DIFFERENCE
    luck = "which may be luck" if may_be_luck else "more than luck"
    return f"{gain} points of accuracy against a linear probe, {luck} (95 % interval {low} to {high})"


def facts(run_id: str, config: RunConfig, result: Result, *, recorded: bool) -> str:
    """Seed, hardware and versions, which belong beside every number, as Markdown."""
    machine, data = result["environment"], result["dataset"]
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    versions = ", ".join(f"{name} {machine['versions'].get(name, 'unknown')}" for name in SHOWN_VERSIONS)
    words = [
        f"Recorded run {run_id}" if recorded else f"Run {run_id}",
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
            f"- Tensors trained but not found again: {plain(', '.join(missing), MAX_SENTENCE) if missing else 'none'}",
            f"- Accuracy reloaded: {result['metrics']['reloaded']['accuracy']:.4f}, "
            f"trained: {result['metrics']['finetuned']['accuracy']:.4f}",
        ]
    )
