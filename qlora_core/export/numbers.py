"""Every number of a result as one table, for the page and for CSV."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from qlora_core.choices import LABELS
from qlora_core.evaluation.answerers import ANSWERERS
from qlora_core.evaluation.comparison import recorded_comparisons
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import RecordedScores, Result, recorded_scores
from qlora_core.export.spreadsheet import Cell
from qlora_core.language import N_
from qlora_core.language import gettext as _

DIGITS = 4
#: The confusion counts, label before answer, and the keys they have in a result.
COUNTS = {
    N_("Same, answered same"): "true_positive",
    N_("Same, answered different"): "false_negative",
    N_("Different, answered same"): "false_positive",
    N_("Different, answered different"): "true_negative",
}
#: What fine-tuning gained over a baseline, in the baseline's row.
COMPARISON = (
    N_("Fine-tuning gains"),
    N_("Gain 95 % from"),
    N_("Gain 95 % to"),
    N_("McNemar p"),
    N_("Fixed"),
    N_("Broken"),
)


def numbers_table(result: Result) -> tuple[list[str], list[list[Cell]]]:
    """Headers and rows in the language of this context, one an answerer; None where a number is missing.

    Raises:
        LookupError, TypeError: the result is damaged.
    """
    headers = [_("Answerer")]
    for metric in METRICS.values():
        headers.append(f"{metric.heading} ({metric.unit})" if metric.unit else metric.heading)
        if metric.has_interval:
            ends = (_("{metric} 95 % from"), _("{metric} 95 % to"))
            headers += [end.format(metric=metric.heading) for end in ends]
    rows = []
    comparisons = recorded_comparisons(result)
    for name, scores in recorded_scores(result).items():
        label = ANSWERERS[name].heading if name in ANSWERERS else name
        ece = result.get("calibration", {}).get(name, {}).get("ece")
        counts = [scores.record["confusion"][key] for key in COUNTS.values()]
        only_answer = None if scores.confusion is None else scores.confusion.only_answer
        answered = _("both") if only_answer is None else _(LABELS[only_answer])
        compared = _compared(comparisons[name]) if name in comparisons else [None] * len(COMPARISON)
        rows.append([label, *_scores(scores), _rounded(ece), *counts, answered, *compared])
    return [*headers, "ECE", *map(_, COUNTS), _("Answers"), *map(_, COMPARISON)], rows


def _compared(comparison: Mapping[str, Any]) -> list[Cell]:
    """Cells of ``COMPARISON``."""
    gain, ends, p = (comparison[key] for key in ("accuracy_gain", "accuracy_gain_ci95", "mcnemar_p"))
    return [*(_rounded(number) for number in (gain, *ends, p)), comparison["fixed"], comparison["broken"]]


def _scores(scores: RecordedScores) -> list[Cell]:
    cells: list[Cell] = []
    for name, metric in METRICS.items():
        cells.append(_rounded(scores.value(name)))
        if metric.has_interval:
            cells += [_rounded(end) for end in scores.interval(name) or (None, None)]
    return cells


def _rounded(number: float | None) -> float | None:
    return None if number is None or not isfinite(number) else round(number, DIGITS)
