"""The part of the tab "Results" that lists every run, compares their settings, and deletes some."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.errors import QLoRAError, RunError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.results.history_table import (
    Cell,
    columns,
    containing,
    differences,
    history_row,
    in_order,
    order_choices,
)
from qlora_core.ui.results.run_choice import MAX_RUNS, all_choices, checked_runs, origin_of
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.values import TableValue, table_value
from qlora_core.ui.words import finished as words

MAX_CHARACTERS = 200
MAX_DAMAGED = 10  #: damaged runs named; of the others, how many there are
Updates = dict[Any, Any]


@dataclass(frozen=True)
class HistoryPanel:
    """The table and what can be done with the runs picked from it."""

    order: gr.Dropdown
    text: gr.Textbox
    table: gr.Dataframe
    picked: gr.Dropdown
    differing: gr.Dataframe
    message: gr.Markdown
    show: gr.Button
    delete: gr.Button
    confirm: gr.Row
    really: gr.Button
    keep: gr.Button
    outcome: gr.Markdown
    secret: gr.Textbox  #: of the browser that asks
    owner: gr.Textbox  #: the owner's pass, where that browser has it

    @property
    def listing(self) -> list[Any]:
        """What ``listed`` changes."""
        return [self.table, self.picked, self.outcome]


def history_panel() -> HistoryPanel:
    """Lay the part out."""
    gr.Markdown(f"### {_(words.ALL_RUNS)}\n\n{_(words.ALL_RUNS_HELP)}")
    with gr.Row():
        order = gr.Dropdown(order_choices(), value=words.NEWEST, label=_(words.SORT_BY), min_width=220)
        text = gr.Textbox(
            label=_(words.FILTER), placeholder=_(words.FILTER_EXAMPLE), min_width=220, max_length=MAX_CHARACTERS
        )
    table = gr.Dataframe(
        headers=[column.header for column in columns()],
        datatype=[column.type for column in columns()],
        interactive=False,
        wrap=True,
        max_height=420,
        label=_(words.ALL_RUNS),
        show_label=False,
        column_widths=[column.width for column in columns()],
        elem_id="history",
        elem_classes="results-table",
        buttons=["copy"],
    )
    picked = gr.Dropdown([], multiselect=True, max_choices=MAX_RUNS, label=words.picked_runs(MAX_RUNS))
    differing = gr.Dataframe(
        visible=False,
        interactive=False,
        datatype="str",
        wrap=True,
        label=_(words.DIFFERING),
        elem_classes="results-table",
        buttons=["copy"],
    )
    shared: dict[str, Any] = {"size": "md", "min_width": 150}
    with gr.Row(elem_classes="results-actions"):
        show = gr.Button(_(words.SHOW_PICKED), **shared)
        delete = gr.Button(_(words.DELETE_PICKED), elem_classes="results-delete", **shared)
    message = gr.Markdown(latex_delimiters=[])
    with gr.Row(visible=False, elem_classes="results-actions") as confirm:
        really = gr.Button(_(words.REALLY_DELETE), elem_classes="results-delete", **shared)
        keep = gr.Button(_(words.KEEP_THEM), **shared)
    outcome = gr.Markdown(latex_delimiters=[])
    secret, owner = gr.Textbox(visible=False), gr.Textbox(visible=False)
    return HistoryPanel(
        order, text, table, picked, differing, message, show, delete, confirm, really, keep, outcome, secret, owner
    )  # fmt: skip


def wire_history(services: Services, panel: HistoryPanel) -> None:
    """Sort, filter, pick, compare, and ask before deleting; deleting changes the whole tab and is wired there."""
    quietly: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}

    def sort(order: object, text: object) -> Any:
        """The rows that fit the filter, in order."""
        return history(services, order, text)

    def pick(run_ids: object, event: gr.SelectData) -> Any:
        """Pick the run of the selected row, or drop it if it is picked."""
        return toggled(run_ids, event.row_value)

    def compare(run_ids: object) -> Any:
        """Which settings differ between the picked runs."""
        return differing_settings(services, panel, run_ids)

    def ask(run_ids: object) -> Updates:
        """Say what would be lost."""
        return question(services, panel, run_ids)

    gr.on([panel.order.input, panel.text.input], sort, [panel.order, panel.text], panel.table, **quietly)
    panel.table.select(pick, panel.picked, panel.picked, **quietly)
    panel.picked.change(
        compare, panel.picked, [panel.differing, panel.message, panel.confirm], trigger_mode="always_last", **quietly
    )
    panel.delete.click(ask, panel.picked, [panel.message, panel.confirm], **quietly)
    panel.keep.click(lambda: ("", gr.update(visible=False)), None, [panel.message, panel.confirm], **quietly)


def history_rows(services: Services, order: object, text: object) -> list[list[Cell]]:
    """Every run that can be read, filtered and sorted; a run that vanishes meanwhile is left out."""
    rows = []
    for run in services.all_runs():
        with suppress(RunError):
            rows.append(history_row(run, origin_of(services, run)))
    wanted = text[:MAX_CHARACTERS] if isinstance(text, str) else ""
    return in_order(containing(rows, wanted), order if isinstance(order, str) else "")


def history(services: Services, order: object, text: object) -> TableValue:
    """The table of them."""
    return table_value([column.header for column in columns()], history_rows(services, order, text))


def listed(services: Services, panel: HistoryPanel, order: object, text: object, picked: object) -> Updates:
    """The table and the runs to pick from, as they are now."""
    choices = all_choices(services)
    ids = [run_id for _, run_id in choices]
    kept = [run_id for run_id in picked if run_id in ids] if isinstance(picked, list) else []
    return {
        panel.table: history(services, order, text),
        panel.picked: gr.update(choices=choices, value=kept),
        panel.outcome: damage_words(services),
    }


def damage_words(services: Services) -> str:
    """What of which runs is damaged, as Markdown; "" where all are whole."""
    damaged = services.damage()
    named = dict(list(damaged.items())[:MAX_DAMAGED])
    lines = [f"{plain(run_id)}: {plain(' '.join(sentences), 600)}" for run_id, sentences in named.items()]
    return words.damaged_runs(lines, len(damaged) - len(lines)) if damaged else ""


def toggled(run_ids: object, row: object) -> Any:
    """The picked runs with the row's run added, or taken away."""
    picked = [run_id for run_id in run_ids if isinstance(run_id, str)] if isinstance(run_ids, list) else []
    if not isinstance(row, list) or not row or not isinstance(row[0], str):
        return gr.skip()
    if row[0] in picked:
        return [run_id for run_id in picked if run_id != row[0]]
    return [*picked, row[0]][-MAX_RUNS:]


def differing_settings(services: Services, panel: HistoryPanel, run_ids: object) -> Updates:
    """The table of differing settings, where two or more runs are picked."""
    hidden = {panel.differing: gr.update(visible=False), panel.confirm: gr.update(visible=False)}
    if not run_ids:
        return {**hidden, panel.message: ""}
    try:
        runs = checked_runs(services, run_ids)
        headers, rows = differences(runs)
    except QLoRAError as error:
        return {**hidden, panel.message: words.not_compared(plain(error, MAX_MESSAGE))}
    if len(runs) == 1:
        return {**hidden, panel.message: _(words.PICK_ANOTHER)}
    if not rows:
        return {**hidden, panel.message: _(words.SAME_SETTINGS)}
    table = gr.update(value={"headers": headers, "data": rows}, visible=True)
    return {**hidden, panel.differing: table, panel.message: words.differing(len(rows))}


def question(services: Services, panel: HistoryPanel, run_ids: object) -> Updates:
    """What would be deleted, and the two buttons that decide."""
    try:
        runs = checked_runs(services, run_ids)
    except QLoRAError as error:
        return {
            panel.message: words.nothing_to_delete(plain(error, MAX_MESSAGE)),
            panel.confirm: gr.update(visible=False),
        }
    names = ", ".join(plain(run.id) for run in runs)
    return {panel.message: words.delete_for_good(names), panel.confirm: gr.update(visible=True)}


def delete_runs(services: Services, secret: object, run_ids: object, owner_pass: object = "") -> str:
    """Remove runs of the visitor's own; either all of them or, if one may not be removed, none.

    Raises:
        NotYours: one is somebody else's, or came with the program.
        RunError: one does not exist, waits in the queue, or is at work.
        StorageError: a folder cannot be removed.
    """
    runs = checked_runs(services, run_ids)
    for run in runs:
        services.who_may.check_control(run, *(text if isinstance(text, str) else "" for text in (secret, owner_pass)))
        _check_resting(run)
    for run in runs:
        run.delete()
        services.archive.forget(run)
        services.participation.classroom.forget(run)
        services.asker.let_go(run)
    return words.deleted(", ".join(plain(run.id) for run in runs))


def _check_resting(run: Run) -> None:
    if run.status.is_going_on:
        raise RunError(words.stop_first(run.id, run.status.state))
