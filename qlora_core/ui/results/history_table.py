"""Every run of a server as rows of a table, and the settings in which some of them differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.comparison import strongest_first
from qlora_core.evaluation.metrics import METRICS, Metric
from qlora_core.evaluation.scores import Result, finetuned_values, recorded_scores
from qlora_core.fields import file_name
from qlora_core.language import gettext as _
from qlora_core.presets import DEFAULT_PRESET, PRESETS
from qlora_core.store.run import Run
from qlora_core.ui.results.setting_rows import shown_value
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.values import Choices, ColumnType, moment
from qlora_core.ui.words import finished as words

#: Fields that say what a run is about and not how it is trained.
SUBJECT = ("base_model", "dataset", "data_dir", "columns", "validation_file", "seed", "init_from", "init_classifier")
Cell = str | float | None


@dataclass(frozen=True)
class Numbers:
    """What a run came to; nothing where it has no result, or a damaged one."""

    scores: Mapping[str, float | None] = field(default_factory=dict)  #: of the fine-tuned model, by metric
    gain: float | None = None  #: points of accuracy over the strongest baseline
    over: str = ""  #: which that is
    seconds: float | None = None


@dataclass(frozen=True)
class Row:
    """One run, as far as it is known."""

    run_id: str
    state: str
    created: float
    config: RunConfig
    numbers: Numbers


@dataclass(frozen=True)
class Column:
    """One column of the table."""

    header: str
    width: int  #: pixels
    cell: Callable[[Row], Cell]
    type: ColumnType = "str"
    order: str = ""  #: by which it is sorted by it, in English or a metric's name; "" where it cannot be


def columns() -> list[Column]:
    """The columns from left to right; every metric with an interval has one."""
    return [
        Column(_(words.RUN), 200, lambda row: row.run_id),
        Column(_(words.STATE), 105, lambda row: row.state),
        Column(_(words.CREATED), 135, lambda row: moment(row.created), order=words.NEWEST),
        Column(_(words.BASE_MODEL), 100, lambda row: one_line(file_name(row.config.base_model), MAX_NAME)),
        Column(_(words.PAIRS), 110, lambda row: one_line(file_name(row.config.dataset), MAX_NAME)),
        Column(_(words.SETTINGS), 205, lambda row: one_line(setting_words(row.config))),
        *(_score_column(metric) for metric in METRICS.values() if metric.has_interval),
        Column(_(words.GAIN), 90, lambda row: _rounded(row.numbers.gain, 1), "number", words.LARGEST_GAIN),
        Column(_(words.OVER), 110, lambda row: label_of(row.numbers.over)),
        Column(
            _(words.TRAINING_SECONDS),
            90,
            lambda row: _rounded(row.numbers.seconds, 0),
            "number",
            words.LONGEST_TRAINING,
        ),
    ]


def _score_column(metric: Metric) -> Column:
    width = 75 if len(metric.label) < 5 else 90
    return Column(
        metric.heading, width, lambda row: _rounded(row.numbers.scores.get(metric.name), 4), "number", metric.name
    )


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


def orders() -> dict[str, int]:
    """What the table can be sorted by, and the column's place."""
    return {column.order: place for place, column in enumerate(columns()) if column.order}


def order_choices() -> Choices:
    """The same as a control offers it."""
    return [(METRICS[order].label if order in METRICS else _(order), order) for order in orders()]


def history_row(run: Run, origin: str) -> list[Cell]:
    """One run's cells, in the order of ``columns``; ``origin`` is a word, "" for a run of this server's own.

    Raises:
        RunError: its configuration or status cannot be read.
    """
    status = run.status
    row = Row(run.id, origin or status.state, status.created, run.config, numbers_of(run))
    return [column.cell(row) for column in columns()]


def numbers_of(run: Run) -> Numbers:
    """Scores, gain and time of a run, as far as its result can be read."""
    try:
        return run.from_result(_numbers)
    except RunError:
        return Numbers()


def _numbers(result: Result) -> Numbers:
    values, (strongest, *_others) = finetuned_values(result), strongest_first(result["metrics"])
    after, before = (recorded_scores(result)[name].record["accuracy"] for name in ("finetuned", strongest))
    return Numbers(values, 100 * float(after - before), strongest, float(result["train_seconds"]))


def setting_words(config: RunConfig) -> str:
    """The preset that a configuration is nearest to, and the settings that are not the preset's."""
    changes = {name: _changes(config, name) for name in PRESETS}
    preset = min(changes, key=lambda name: (len(changes[name]), name != DEFAULT_PRESET))
    seed = [f"seed={config.seed}"] if config.seed else []
    start = [words.started_from_run(config.init_from, config.init_classifier)] if config.init_from else []
    return ", ".join(
        [preset, *(f"{name}={shown_value(name, getattr(config, name))}" for name in changes[preset]), *seed, *start]
    )


def _changes(config: RunConfig, preset: str) -> list[str]:
    usual = make_config(preset, dataset=config.dataset)
    fields = [name for name in RunConfig.model_fields if name not in SUBJECT]
    return [name for name in fields if getattr(config, name) != getattr(usual, name)]


def in_order(rows: list[list[Cell]], order: str) -> list[list[Cell]]:
    """Rows by one of ``orders``, the largest first; those without a number last."""
    places = orders()
    column = places.get(order, places[words.NEWEST])
    known = [row for row in rows if row[column] is not None]
    return sorted(known, key=lambda row: _key(row[column]), reverse=True) + [row for row in rows if row[column] is None]


def _key(cell: Cell) -> tuple[str, float]:
    return (cell, 0.0) if isinstance(cell, str) else ("", cell or 0.0)


def containing(rows: list[list[Cell]], text: str) -> list[list[Cell]]:
    """Rows in which every word of ``text`` occurs, in whichever column, upper and lower case alike."""
    wanted = text.casefold().split()
    return [row for row in rows if all(word in " ".join(map(str, row)).casefold() for word in wanted)]


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
    return [_(words.SETTING), *(run.id for run in runs)], rows
