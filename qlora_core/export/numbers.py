"""Every number of a result as one table, for the page and for CSV."""

from math import isfinite

from qlora_core.evaluation.answerers import ANSWERERS
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import RecordedScores, Result, recorded_scores
from qlora_core.export.spreadsheet import Cell

DIGITS = 4
#: The confusion counts, label before answer, and the keys they have in a result.
COUNTS = {
    "Same, answered same": "true_positive",
    "Same, answered different": "false_negative",
    "Different, answered same": "false_positive",
    "Different, answered different": "true_negative",
}


def numbers_table(result: Result) -> tuple[list[str], list[list[Cell]]]:
    """Headers and rows, one an answerer; None where a number is missing.

    Raises:
        LookupError, TypeError: the result is damaged.
    """
    headers = ["Answerer"]
    for metric in METRICS.values():
        headers.append(f"{metric.heading} ({metric.unit})" if metric.unit else metric.heading)
        if metric.has_interval:
            headers += [f"{metric.heading} 95 % from", f"{metric.heading} 95 % to"]
    rows = []
    for name, scores in recorded_scores(result).items():
        label = ANSWERERS[name].heading if name in ANSWERERS else name
        ece = result.get("calibration", {}).get(name, {}).get("ece")
        counts = [scores.record["confusion"][key] for key in COUNTS.values()]
        rows.append([label, *_scores(scores), _rounded(ece), *counts])
    return [*headers, "ECE", *COUNTS], rows


def _scores(scores: RecordedScores) -> list[Cell]:
    cells: list[Cell] = []
    for name, metric in METRICS.items():
        cells.append(_rounded(scores.value(name)))
        if metric.has_interval:
            cells += [_rounded(end) for end in scores.interval(name) or (None, None)]
    return cells


def _rounded(number: float | None) -> float | None:
    return None if number is None or not isfinite(number) else round(number, DIGITS)
