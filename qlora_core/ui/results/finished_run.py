"""A finished run in words."""

from qlora_core.config import RunConfig
from qlora_core.evaluation.answerers import borrowed_baselines_words, definite_label, label_of
from qlora_core.evaluation.best_epoch import selection_words
from qlora_core.evaluation.comparison import (
    Outcome,
    only_answer_words,
    recorded_comparisons,
    recorded_outcome,
    recorded_verdict,
)
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import RecordedScores, Result, recorded_scores
from qlora_core.evaluation.truncation import truncation_words
from qlora_core.fields import file_name
from qlora_core.language import gettext as _
from qlora_core.language import number
from qlora_core.training.start import Start
from qlora_core.ui.safe_text import plain
from qlora_core.ui.words import finished as words

MAX_SENTENCE = 600  #: characters shown of a sentence from a result
SHOWN_VERSIONS = ("torch", "transformers", "peft", "bitsandbytes")


def headline(result: Result) -> str:
    """What changed, by how much, and whether it is more than luck, as Markdown; the strongest baseline comes first."""
    comparisons, measured = recorded_comparisons(result), recorded_scores(result)
    strongest = next(iter(comparisons))
    n = result["metrics"]["finetuned"]["n"]
    notes = [_started_words(result), selection_words(result)]
    notes.append(truncation_words(result["dataset"], result.get("config", {}).get("max_length", 0)))
    notes.append(plain(borrowed_baselines_words(result), MAX_SENTENCE))
    if result.get("stopped_early"):
        notes.append(_(words.STOPPED_EARLY))
    return "\n\n".join(
        [
            f"## {headline_words(strongest, comparisons[strongest], n)}",
            words.scores(
                n,
                _scores(measured["finetuned"]),
                [(_(words.BASELINE_SCORES[name]), *_scores(measured[name])) for name in comparisons],
            ),
            "\n".join(
                f"- {_(words.AGAINST[name])}{_verdict(name, comparison, n)}" for name, comparison in comparisons.items()
            ),
            " ".join(note for note in notes if note),
        ]
    )


def _verdict(baseline: str, comparison: Result, n: int) -> str:
    return plain(recorded_verdict(comparison, n, definite_label(baseline)), MAX_SENTENCE)


def _started_words(result: Result) -> str:
    if result.get("started_from") is None:
        return ""
    start = Start.model_validate(result["started_from"])
    return words.started_from(
        plain(start.run_id),
        plain(start.dataset),
        shown(start.metrics.get("accuracy")),
        start.validation,
        kept=result["config"]["init_classifier"] == "keep",
    )


def _scores(scores: RecordedScores) -> tuple[str, str]:
    """Accuracy in per cent, and the other metrics that have an interval as a list."""
    rest = [metric for metric in METRICS.values() if metric.has_interval and metric.name != "accuracy"]
    listed = ", ".join(f"{metric.label} {shown(scores.value(metric.name))}" for metric in rest)
    return number(scores.record["accuracy"], ".1%"), listed


def headline_words(baseline: str, comparison: Result, n: int) -> str:
    """One line about fine-tuning against a baseline that claims no more than was found on ``n`` pairs."""
    only_answer = only_answer_words(comparison.get("only_answer_after"), n).rstrip(".")
    if comparison["fixed"] == comparison["broken"] == 0:
        found = words.same_answers(label_of(baseline))
    else:
        low, high = comparison["accuracy_gain_ci95"]
        may_be_luck = recorded_outcome(comparison) is Outcome.NO_DIFFERENCE
        gain = comparison["accuracy_gain"]
        found = words.headline(label_of(baseline), gain, (low, high), may_be_luck=may_be_luck)
    return f"{found}.{only_answer}" if only_answer else found


def facts(run_id: str, config: RunConfig, result: Result, origin: str) -> str:
    """Seed, hardware and versions, which belong beside every number, as Markdown; ``origin`` as in lists of runs."""
    machine, data = result["environment"], result["dataset"]
    said = words.facts(
        run_id,
        words.model(file_name(config.base_model), config.scheme.stored, config.r, config.seed),
        file_name(config.dataset),
        origin=origin,
        pairs=(data["train"], data["validation"]),
        seconds=result["train_seconds"],
        machine=words.machine(machine["device_name"], machine["threads"], machine["compute_dtype"]),
    )
    versions = ", ".join(f"{name} {machine['versions'].get(name, 'unknown')}" for name in SHOWN_VERSIONS)
    return " · ".join(plain(part) for part in [*said, versions])


def badge(result: Result) -> str:
    """Whether the saved adapter answered as the trained one did: a mark and words."""
    reload = result["reload"]
    return words.badge(reload["max_abs_logit_difference"], verified=reload["verified"])


def evidence(result: Result) -> str:
    """What the badge rests on, as Markdown."""
    reload, metrics = result["reload"], result["metrics"]
    return words.evidence(
        metrics["reloaded"]["n"],
        reload["max_abs_logit_difference"],
        reload["tolerance"],
        plain(", ".join(reload["missing_tensors"]), MAX_SENTENCE),
        metrics["reloaded"]["accuracy"],
        metrics["finetuned"]["accuracy"],
        in_fresh_process=reload.get("fresh_process", True),
    )
