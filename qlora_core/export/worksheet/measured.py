"""What one run measured and how, as its worksheet shows it."""

from collections.abc import Mapping
from typing import Any

from qlora_core.config import SETTINGS, RunConfig
from qlora_core.data.phenomena import PHENOMENA
from qlora_core.evaluation.answerers import ANSWERERS, definite_label, label_of
from qlora_core.evaluation.best_epoch import selection_words
from qlora_core.evaluation.comparison import Outcome, recorded_comparisons, recorded_outcome, recorded_verdict
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import Result, recorded_scores
from qlora_core.evaluation.several.claims import signed
from qlora_core.export.setting_values import setting_value
from qlora_core.export.worksheet.charts import accuracy_chart, loss_chart
from qlora_core.fields import file_name
from qlora_core.language import number
from qlora_core.store.feed import Cursor, RunFeed

MAX_PHENOMENA = 30  #: listed; the bundled pairs have seventeen
MAX_VERSIONS = 20


def found(result: Result) -> dict[str, Any]:
    """Scores, comparisons and accuracy by phenomenon, as far as they were measured."""
    measured, comparisons = recorded_scores(result), recorded_comparisons(result)
    metrics = [metric for metric in METRICS.values() if metric.has_interval]
    rows = [
        {"label": answerer.label, "own": name == "finetuned", "scores": [measured[name].words(m.name) for m in metrics]}
        for name, answerer in ANSWERERS.items()
        if name in measured and not answerer.is_detail and name != "reloaded"
    ]
    n = int(result["metrics"]["finetuned"]["n"])
    return {
        "metrics": [metric.heading for metric in metrics],
        "rows": rows,
        "n": n,
        "comparisons": [_compared(name, record, n) for name, record in comparisons.items()],
        "selection_note": selection_words(result),
        "stopped_early": bool(result.get("stopped_early")),
        "phenomena": _phenomena(result),
    }


def _compared(name: str, record: Mapping[str, Any], n: int) -> dict[str, Any]:
    low, high = record["accuracy_gain_ci95"]
    return {
        "baseline": label_of(name),
        "points": signed(record["accuracy_gain"]),
        "low": signed(low),
        "high": signed(high),
        "may_be_luck": recorded_outcome(record) is Outcome.NO_DIFFERENCE,
        "fixed": int(record["fixed"]),
        "broken": int(record["broken"]),
        "verdict": recorded_verdict(record, n, definite_label(name)),
    }


def _phenomena(result: Result) -> list[dict[str, Any]]:
    """Accuracy by phenomenon, the hardest first; empty where the pairs name none."""
    by_answerer = result.get("by_phenomenon") or {}
    finetuned, probe = by_answerer.get("finetuned", {}), by_answerer.get("linear_probe", {})
    rows = [
        {
            "name": name,
            "words": PHENOMENA[name].words if name in PHENOMENA else "",
            "n": int(entry["n"]),
            "accuracy": shown(entry["accuracy"], 2),
            "probe": shown(probe[name]["accuracy"], 2) if name in probe else "–",
        }
        for name, entry in sorted(finetuned.items(), key=lambda item: item[1]["accuracy"])
    ]
    return rows[:MAX_PHENOMENA]


def charts(feed: RunFeed, result: Result) -> dict[str, Any]:
    """Loss and accuracy by step."""
    news = feed.since(Cursor())
    baselines = {name: result["metrics"][name] for name in ("majority", "linear_probe") if name in result["metrics"]}
    return {
        "loss_chart": loss_chart(news["points"], news["evaluations"]),
        "accuracy_chart": accuracy_chart(
            news["evaluations"], {label_of(name): scores["accuracy"] for name, scores in baselines.items()}
        ),
    }


def how_it_was_done(config: RunConfig, result: Result) -> dict[str, Any]:
    """Base model, pairs, settings, machine and versions."""
    machine, model, data = result["environment"], result["base_model"], result["dataset"]
    versions = list((machine.get("versions") or {}).items())[:MAX_VERSIONS]
    return {
        "base_model": file_name(config.base_model),
        "base_source": model.get("source", ""),
        "base_sha256": model.get("sha256", ""),
        "dataset": file_name(config.dataset),
        "fingerprint": data["fingerprint"],
        "pairs": (data["train"], data["validation"]),
        "stored": config.scheme.stored,
        "r": config.r,
        "seed": config.seed,
        "seconds": number(result["train_seconds"], ",.0f"),
        "device": machine.get("device_name", ""),
        "threads": machine.get("threads", ""),
        "compute_dtype": machine.get("compute_dtype", ""),
        "python": machine.get("python", ""),
        "versions": versions,
        "verified": bool(result["reload"]["verified"]),
        "settings": [(name, setting_value(name, getattr(config, name))) for name in SETTINGS],
    }
