"""A worksheet: one HTML file without scripts or links that it needs, made of a run's own records.

Its text is ``assets/worksheet.html.jinja``. Whatever comes from a run is escaped there, because a run may have been
brought by anybody.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from qlora_core.assets import ASSETS, RECORDED_RUNS
from qlora_core.config import SETTINGS, RunConfig, file_name
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import ANSWERERS, label_of
from qlora_core.evaluation.comparison import Outcome, recorded_comparisons, recorded_outcome
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import Result, recorded_scores
from qlora_core.export.setting_values import setting_value
from qlora_core.export.worksheet.charts import accuracy_chart, loss_chart
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.files import replace_text
from qlora_core.store.packed.mark import brought
from qlora_core.store.run import Run

TEMPLATE = "worksheet.html.jinja"
MAX_PHENOMENA = 30  #: listed; the bundled pairs have seventeen
MAX_VERSIONS = 20


def export_worksheet(run: Run, path: Path, feed: RunFeed | None = None) -> Path:
    """Write the worksheet of a run to ``path``; ``feed`` is the run's own, where somebody has read its events already.

    Raises:
        RunError: the run has no result yet, or a damaged one, or ``path`` is a folder.
        StorageError: the file cannot be written.
    """
    page = worksheet_of(run, feed or RunFeed(run))
    if path.is_dir():
        raise RunError(f"'{path}' is a folder. Name the page to write, for example {path / run.id}.html.")
    replace_text(path, page)
    return path


@cache
def _template() -> Template:
    files = FileSystemLoader(ASSETS)
    return Environment(
        loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template(TEMPLATE)


def worksheet_of(run: Run, feed: RunFeed) -> str:
    """The worksheet of a run, as HTML; ``feed`` is the run's own.

    Raises:
        RunError: the run has no result yet, or a damaged one.
    """
    result = run.require_result()
    with run.explaining_damage():
        return _template().render(
            run_id=run.id,
            made=_day(datetime.now(tz=UTC)),
            trained=_day(datetime.fromtimestamp(run.status.created, tz=UTC)),
            origin=_origin(run),
            **_found(result),
            **_charts(feed, result),
            **_how_it_was_done(run.config, result),
        )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _origin(run: Run) -> dict[str, str]:
    """Where a run comes from that was not carried out here: ``kind`` is "recorded", "brought" or ""."""
    mark = brought(run)
    if mark is not None:
        return {"kind": "brought", "device": mark.device}
    is_recorded = run.path.resolve().parent == RECORDED_RUNS.resolve()
    return {"kind": "recorded" if is_recorded else "", "device": ""}


def _found(result: Result) -> dict[str, Any]:
    """Scores, comparisons and accuracy by phenomenon, as far as they were measured."""
    measured, comparisons = recorded_scores(result), recorded_comparisons(result)
    metrics = [metric for metric in METRICS.values() if metric.has_interval]
    rows = [
        {"label": answerer.label, "own": name == "finetuned", "scores": [measured[name].words(m.name) for m in metrics]}
        for name, answerer in ANSWERERS.items()
        if name in measured and not answerer.is_detail and name != "reloaded"
    ]
    return {
        "metrics": [metric.heading for metric in metrics],
        "rows": rows,
        "n": result["metrics"]["finetuned"]["n"],
        "comparisons": [_compared(name, record) for name, record in comparisons.items()],
        "selection_note": result.get("selection_note", ""),
        "stopped_early": bool(result.get("stopped_early")),
        "phenomena": _phenomena(result),
    }


def _compared(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    low, high = record["accuracy_gain_ci95"]
    return {
        "baseline": label_of(name),
        "points": f"{100 * record['accuracy_gain']:+.1f}",
        "low": f"{100 * low:+.1f}",
        "high": f"{100 * high:+.1f}",
        "may_be_luck": recorded_outcome(record) is Outcome.NO_DIFFERENCE,
        "fixed": int(record["fixed"]),
        "broken": int(record["broken"]),
        "verdict": record["verdict"],
    }


def _phenomena(result: Result) -> list[dict[str, Any]]:
    """Accuracy by phenomenon, the hardest first; empty where the pairs name none."""
    found = (result.get("by_phenomenon") or {}).get("finetuned", {})
    probe = (result.get("by_phenomenon") or {}).get("linear_probe", {})
    rows = [
        {
            "name": name,
            "n": int(entry["n"]),
            "accuracy": f"{entry['accuracy']:.2f}",
            "probe": f"{probe[name]['accuracy']:.2f}" if name in probe else "–",
        }
        for name, entry in sorted(found.items(), key=lambda item: item[1]["accuracy"])
    ]
    return rows[:MAX_PHENOMENA]


def _charts(feed: RunFeed, result: Result) -> dict[str, Any]:
    news = feed.since(Cursor())
    baselines = {name: result["metrics"][name] for name in ("majority", "linear_probe") if name in result["metrics"]}
    return {
        "loss_chart": loss_chart(news["points"], news["evaluations"]),
        "accuracy_chart": accuracy_chart(
            news["evaluations"], {label_of(name): scores["accuracy"] for name, scores in baselines.items()}
        ),
    }


def _how_it_was_done(config: RunConfig, result: Result) -> dict[str, Any]:
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
        "seconds": f"{result['train_seconds']:,.0f}",
        "device": machine.get("device_name", ""),
        "threads": machine.get("threads", ""),
        "compute_dtype": machine.get("compute_dtype", ""),
        "python": machine.get("python", ""),
        "versions": versions,
        "verified": bool(result["reload"]["verified"]),
        "settings": [(name, setting_value(name, getattr(config, name))) for name in SETTINGS],
    }
