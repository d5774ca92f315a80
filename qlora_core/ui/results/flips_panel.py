"""The part of the tab "Results" that lists which pairs the adapter fixed and which it broke."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import gradio as gr
from gradio.events import Dependency

from qlora_core.errors import QLoRAError, RunError
from qlora_core.evaluation.flips import BEFORE, Flips, baselines_of, flips, in_order, select
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.results.flips_table import (
    FLIP_TYPES,
    FLIP_WIDTHS,
    SENTENCE_COLUMNS,
    flip_rows,
    flip_words,
)
from qlora_core.ui.results.run_choice import checked_runs
from qlora_core.ui.safe_text import MAX_CELL, MAX_MESSAGE, MAX_NAME, one_line, plain
from qlora_core.ui.words import finished as words

MAX_ROWS = 300
MAX_SHOWN = 100 * MAX_CELL  #: characters of the rows' sentences
MAX_CHARACTERS = 200


@dataclass(frozen=True)
class FlipsPanel:
    """The controls, the table, and the pair that was taken from it."""

    before: gr.Radio
    kind: gr.Dropdown
    phenomenon: gr.Dropdown
    order: gr.Dropdown
    text: gr.Textbox
    words: gr.Markdown
    table: gr.Dataframe
    sentence1: gr.Textbox
    sentence2: gr.Textbox

    @property
    def choice(self) -> list[Any]:
        """What decides which rows are shown."""
        return [self.before, self.kind, self.phenomenon, self.order, self.text]

    @property
    def outputs(self) -> list[Any]:
        """What ``shown_flips`` changes."""
        return [self.words, self.table, self.phenomenon, self.before]


def flips_panel() -> FlipsPanel:
    """Lay the part out."""
    gr.Markdown(_(words.FLIPS))
    before = gr.Radio(_baselines(BEFORE), value=BEFORE[0], label=_(words.FROM_TO))
    with gr.Row():
        kind = gr.Dropdown(_choices(words.KINDS), value="", label=_(words.SHOW), min_width=220)
        phenomenon = gr.Dropdown([(_(words.ANY_PHENOMENON), "")], value="", label=_(words.PHENOMENON), min_width=220)
        order = gr.Dropdown(_choices(words.FLIP_ORDERS), value="change", label=_(words.SORT), min_width=220)
        text = gr.Textbox(label=_(words.FIND), min_width=220, max_length=MAX_CHARACTERS)
    said = gr.Markdown(latex_delimiters=[])
    table = gr.Dataframe(
        headers=[_(header) for header in words.FLIP_HEADERS],
        datatype=FLIP_TYPES,
        interactive=False,
        wrap=True,
        max_height=460,
        label=_(words.FLIPPED_PAIRS),
        show_label=False,
        column_widths=FLIP_WIDTHS,
        elem_id="flips",
        elem_classes="results-table",
        buttons=["copy"],
    )
    sentence1, sentence2 = gr.Textbox(visible=False), gr.Textbox(visible=False)
    return FlipsPanel(before, kind, phenomenon, order, text, said, table, sentence1, sentence2)


def _choices(labels: dict[str, str]) -> list[tuple[str, str | int | float]]:
    """As Gradio takes them: label, value."""
    return [(_(label), name) for name, label in labels.items()]


def _baselines(names: Sequence[str]) -> list[tuple[str, str | int | float]]:
    return _choices({name: words.BASELINES[name] for name in names})


def wire_flips(services: Services, panel: FlipsPanel, runs: gr.Dropdown) -> Dependency:
    """Show the rows anew at every choice; returns the event of a pair that was taken from the table."""

    def chosen(run_ids: object, *choice: object) -> list[Any]:
        """The rows that fit a choice."""
        return shown_flips(services, run_ids, *choice)

    gr.on(
        [panel.before.input, panel.kind.input, panel.phenomenon.input, panel.order.input, panel.text.input],
        chosen,
        [runs, *panel.choice],
        panel.outputs,
        trigger_mode="always_last",
        show_progress="minimal",
        show_progress_on=panel.words,
        **PRIVATE,
    )
    return panel.table.select(
        take_pair, None, [panel.sentence1, panel.sentence2], show_progress="hidden", queue=False, **PRIVATE
    )


def take_pair(event: gr.SelectData) -> tuple[str, str]:
    """The sentences of the row that was selected.

    Raises:
        gr.Error: they are not known.
    """
    row = event.row_value
    if not isinstance(row, list) or len(row) <= max(SENTENCE_COLUMNS):
        raise gr.Error(_(words.NO_SENTENCE), print_exception=False)
    first, second = (row[column] for column in SENTENCE_COLUMNS)
    if not isinstance(first, str) or not isinstance(second, str) or not first or not second:
        raise gr.Error(_(words.NO_SENTENCE), print_exception=False)
    return first, second


def shown_flips(services: Services, run_ids: object, *choice: object) -> list[Any]:
    """Words, rows and the phenomena to choose from, or the error in the words' place."""
    try:
        before, kind, phenomenon, order, text = _checked(choice)
        run = checked_runs(services, run_ids)[0]
        baselines = baselines_of(run.config)
        before = before if before in baselines else BEFORE[0]  # it was chosen for another run
        found = flips(run, before, services.asker.validation_pairs)
    except QLoRAError as error:
        return [words.cannot_be_shown(plain(error, MAX_MESSAGE)), [], gr.skip(), gr.skip()]
    known = found.phenomena
    phenomenon = phenomenon if phenomenon in known else ""
    chosen = in_order(select(found.pairs, kind=kind, phenomenon=phenomenon, text=text), order)
    rows = _within(flip_rows(chosen[:MAX_ROWS]))
    said = flip_words(len(rows), chosen, found.pairs, _(found.missing))
    offered = gr.update(choices=_baselines(baselines), value=before)
    return [said, _table(rows, found), _phenomena(found, phenomenon), offered]


def _within(rows: list[list[Any]]) -> list[list[Any]]:
    """The first rows whose sentences together are not more than a browser shows at once."""
    sizes = accumulate(sum(len(row[column]) for column in SENTENCE_COLUMNS) for row in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= MAX_SHOWN]


def _table(rows: list[list[Any]], found: Flips) -> Any:
    """The rows, without the columns that nothing is known of."""
    unknown = {"Sentence 1", "Sentence 2", "Phenomenon"} if found.missing else set()
    if not found.phenomena:
        unknown |= {"Phenomenon"}
    columns = [number for number, name in enumerate(words.FLIP_HEADERS) if name not in unknown]
    data = [[row[column] for column in columns] for row in rows]
    headers, widths = (
        [every[column] for column in columns] for every in ([_(header) for header in words.FLIP_HEADERS], FLIP_WIDTHS)
    )
    return gr.update(
        value={"headers": headers, "data": data},
        datatype=[FLIP_TYPES[column] for column in columns],
        column_widths=widths,
    )


def _phenomena(found: Flips, chosen: str) -> Any:
    return gr.update(
        choices=[(_(words.ANY_PHENOMENON), ""), *((one_line(name, MAX_NAME), name) for name in found.phenomena)],
        value=chosen,
        visible=bool(found.phenomena),
    )


def _checked(choice: tuple[object, ...]) -> tuple[Any, str, str, Any, str]:
    """The five controls' values, refused unless each is one that its control offers."""
    if len(choice) != 5 or not all(isinstance(value, str) and len(value) <= MAX_CHARACTERS for value in choice):
        raise RunError(_(words.BAD_CHOICE))
    before, kind, phenomenon, order, text = map(str, choice)
    offered = ((before, words.BASELINES), (kind, words.KINDS), (order, words.FLIP_ORDERS))
    if any(value not in choices for value, choices in offered):
        raise RunError(_(words.BAD_CHOICE))
    return before, kind, phenomenon, order, text
