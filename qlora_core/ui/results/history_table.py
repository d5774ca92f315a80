"""Every run of a server as rows of a table, and the settings in which some of them differ."""

from dataclasses import dataclass
from typing import Any

from qlora_core.config import RunConfig, file_name, make_config
from qlora_core.errors import RunError
from qlora_core.presets import DEFAULT_PRESET, PRESETS
from qlora_core.store.runs import Run
from qlora_core.ui.reading import ColumnType, moment
from qlora_core.ui.results.run_words import shown_value

HEADERS = [
    "Run", "State", "Created (UTC)", "Base model", "Pairs", "Settings", "Accuracy", "F1", "Gain",
    "Training (s)",
]  # fmt: skip
TYPES: list[ColumnType] = ["str", "str", "str", "str", "str", "str", "number", "number", "number", "number"]
#: What the table can be sorted by: words, and the column.
ORDERS = {
    "newest first": HEADERS.index("Created (UTC)"),
    "accuracy": HEADERS.index("Accuracy"),
    "F1": HEADERS.index("F1"),
    "gain over the linear probe": HEADERS.index("Gain"),
    "training time": HEADERS.index("Training (s)"),
}
#: Fields that say what a run is about and not how it is trained.
SUBJECT = ("base_model", "dataset", "data_dir", "seed")
Cell = str | float | None


@dataclass(frozen=True)
class Outcome:
    """What a run came to; None where it has no result, or a damaged one."""

    accuracy: float | None = None
    f1: float | None = None
    gain: float | None = None  #: points of accuracy over the linear probe
    seconds: float | None = None


def history_row(run: Run, *, recorded: bool) -> list[Cell]:
    """One run, its columns those of ``HEADERS``.

    Raises:
        RunError: its configuration or status cannot be read.
    """
    config, status = run.config, run.status
    outcome = outcome_of(run)
    return [
        run.id,
        "recorded" if recorded else status.state,
        moment(status.created),
        file_name(config.base_model),
        file_name(config.dataset),
        setting_words(config),
        *(None if n is None else round(n, digits) for n, digits in (
            (outcome.accuracy, 4), (outcome.f1, 4), (outcome.gain, 1), (outcome.seconds, 0)
        )),
    ]  # fmt: skip


def outcome_of(run: Run) -> Outcome:
    """Scores, gain and time of a run, as far as its result can be read."""
    try:
        result: dict[str, Any] = run.result or {}
        scores, probe = result["metrics"]["finetuned"], result["comparison"]["linear_probe"]
        numbers = scores["accuracy"], scores["f1"], 100 * probe["accuracy_gain"], result["train_seconds"]
        return Outcome(*(float(number) for number in numbers))
    except (RunError, LookupError, TypeError, ValueError):
        return Outcome()


def setting_words(config: RunConfig) -> str:
    """The preset that a configuration is nearest to, and the settings that are not the preset's."""
    changes = {name: _changes(config, name) for name in PRESETS}
    preset = min(changes, key=lambda name: (len(changes[name]), name != DEFAULT_PRESET))
    seed = [f"seed={config.seed}"] if config.seed else []
    return ", ".join(
        [preset, *(f"{name}={shown_value(name, getattr(config, name))}" for name in changes[preset]), *seed]
    )


def _changes(config: RunConfig, preset: str) -> list[str]:
    usual = make_config(preset)
    fields = [name for name in RunConfig.model_fields if name not in SUBJECT]
    return [name for name in fields if getattr(config, name) != getattr(usual, name)]


def in_order(rows: list[list[Cell]], order: str) -> list[list[Cell]]:
    """Rows by one of ``ORDERS``, the largest first; those without a number last."""
    column = ORDERS.get(order, ORDERS["newest first"])
    known = [row for row in rows if row[column] is not None]
    return sorted(known, key=lambda row: _key(row[column]), reverse=True) + [row for row in rows if row[column] is None]


def _key(cell: Cell) -> tuple[str, float]:
    return (cell, 0.0) if isinstance(cell, str) else ("", cell or 0.0)


def containing(rows: list[list[Cell]], text: str) -> list[list[Cell]]:
    """Rows in which every word of ``text`` occurs, in whichever column, upper and lower case alike."""
    words = text.casefold().split()
    return [row for row in rows if all(word in " ".join(map(str, row)).casefold() for word in words)]


def differences(runs: list[Run]) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the settings that are not the same in all of ``runs``.

    Raises:
        RunError: a configuration cannot be read.
    """
    configs = [run.config for run in runs]
    rows = [
        [name, *(shown_value(name, getattr(config, name)) for config in configs)]
        for name in RunConfig.model_fields
        if len({getattr(config, name) for config in configs}) > 1
    ]
    return ["Setting", *(run.id for run in runs)], rows
