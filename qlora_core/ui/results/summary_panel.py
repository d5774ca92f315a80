"""The upper part of the tab "Results": headline, charts, badge, numbers and settings of the chosen runs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from qlora_core.evaluation.scores import Result
from qlora_core.evaluation.several.answered import DifferentPairs
from qlora_core.evaluation.several.two_runs import compare_runs
from qlora_core.export.numbers import numbers_table
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.store.feed import Cursor
from qlora_core.store.packed.mark import brought
from qlora_core.store.run import Run
from qlora_core.ui.charts.confusion import confusion_figure
from qlora_core.ui.charts.curves import history_figure, loss_curve_figure
from qlora_core.ui.charts.groups import memory_figure, phenomenon_figure
from qlora_core.ui.charts.reliability import reliability_figure
from qlora_core.ui.charts.scores import scores_figure
from qlora_core.ui.charts.several import against_figure
from qlora_core.ui.results import finished_run
from qlora_core.ui.results.run_choice import origin_of, short_label, start_of
from qlora_core.ui.results.setting_rows import environment_rows, setting_rows
from qlora_core.ui.results.sign import course_of
from qlora_core.ui.safe_text import MAX_MESSAGE, MAX_NAME, one_line_cells, plain
from qlora_core.ui.values import moment, table_value
from qlora_core.ui.words import brought as brought_words
from qlora_core.ui.words import finished as words

MAX_ANSWERERS = 30  #: in the table of numbers; a run has six
#: Charts that lay several runs over each other; they come first.
SHARED = ("scores", "history")
Updates = dict[Any, Any]


@dataclass(frozen=True)
class SummaryPanel:
    """The components that a run fills."""

    headline: gr.Markdown
    start: gr.Button  #: shows the run that the first one started from, where it is still there
    body: gr.Column
    sign: gr.HTML
    facts: gr.Markdown
    plots: dict[str, gr.Plot]
    badge: gr.Accordion
    evidence: gr.Markdown
    classroom: gr.HTML  #: what was guessed of the first run, and the room as an answerer
    numbers: gr.Dataframe
    settings: gr.Dataframe
    environment: gr.Dataframe

    @property
    def first(self) -> list[Any]:
        """What ``summary`` and ``failure`` may change: words, scores and curves, and the other figures, cleared."""
        return [
            self.headline,
            self.start,
            self.body,
            self.sign,
            self.facts,
            self.badge,
            self.evidence,
            self.classroom,
            *self.plots.values(),
        ]

    @property
    def rest(self) -> list[Any]:
        """What ``details`` may change."""
        own = [plot for name, plot in self.plots.items() if name not in SHARED]
        return [*own, self.numbers, self.settings, self.environment]


def headline_markdown() -> gr.Markdown:
    """The first thing on the tab: the outcome in words, or why there is none."""
    return gr.Markdown(
        _(words.NOTHING_YET), elem_classes="results-headline", elem_id="results-headline", latex_delimiters=[]
    )


def figure_grid() -> dict[str, gr.Plot]:
    """The figures, side by side where there is room."""
    plots = {}
    with gr.Row(elem_classes="results-figures"):
        for name, label in words.CHARTS.items():
            looks = ["results-figure", f"figure-{name}"]
            plots[name] = gr.Plot(label=_(label), show_label=False, elem_classes=looks)
    return plots


def badge_accordion() -> tuple[gr.Accordion, gr.Markdown]:
    """The badge, which opens to what it rests on."""
    with gr.Accordion(_(words.RELOAD), open=False, elem_classes="results-badge", elem_id="reload-badge") as badge:
        evidence = gr.Markdown(latex_delimiters=[])
    return badge, evidence


def settings_accordion() -> tuple[gr.Dataframe, gr.Dataframe]:
    """Every setting, and the machine and versions."""
    with gr.Accordion(_(words.EVERY_SETTING), open=False):
        shared: dict[str, Any] = {
            "datatype": "str",
            "interactive": False,
            "wrap": True,
            "buttons": ["copy"],
            "elem_classes": "results-table",
        }
        settings = gr.Dataframe(
            headers=[_(header) for header in words.SETTING_HEADERS],
            label=_(words.SETTINGS),
            column_widths=["25%", "30%", "45%"],
            **shared,
        )
        environment = gr.Dataframe(
            headers=[_(header) for header in words.ENVIRONMENT_HEADERS],
            label=_(words.ENVIRONMENT),
            column_widths=["30%", "70%"],
            **shared,
        )
    return settings, environment


def failure(panel: SummaryPanel, error: Exception) -> Updates:
    """What is shown in place of a run that cannot be."""
    return _words_alone(panel, words.cannot_be_shown(plain(error, MAX_MESSAGE)))


def nothing_yet(panel: SummaryPanel) -> Updates:
    """What is shown before there is any run."""
    return _words_alone(panel, _(words.NOTHING_YET))


def _words_alone(panel: SummaryPanel, said: str) -> Updates:
    return {panel.headline: said, panel.start: gr.update(visible=False), panel.body: gr.update(visible=False)}


def summary(services: Services, panel: SummaryPanel, runs: list[Run]) -> Updates:
    """The outcome of the first of ``runs`` in words, and its scores and curves beside those of the others.

    Raises:
        RunError: a run has no result, or a damaged one.
    """
    first, result = runs[0], runs[0].require_result()
    with first.explaining_damage():
        updates: Updates = {
            panel.headline: finished_run.headline(result) + _others_words(runs),
            panel.start: _start_button(services, first),
            panel.body: gr.update(visible=True),
            panel.sign: course_of(services, first),
            panel.facts: _facts(services, first, result),
            panel.badge: gr.update(label=finished_run.badge(result)),
            panel.evidence: finished_run.evidence(result),
            panel.classroom: first.id,
        }
    drawn = _shared_figures(runs)
    return updates | {plot: drawn.get(name) for name, plot in panel.plots.items()}


def _facts(services: Services, run: Run, result: Result) -> str:
    """What belongs beside the numbers, and of a run that was brought here, what is known of that."""
    facts, mark = finished_run.facts(run.id, run.config, result, origin_of(services, run)), brought(run)
    if mark is None:
        return facts
    return f"{brought_words.brought_words(plain(run.id), moment(mark.brought), plain(mark.device_name))}\n\n{facts}"


def _start_button(services: Services, run: Run) -> Any:
    start = start_of(services, run)
    return gr.update(visible=start is not None, value=words.show_start(start.id) if start else "")


def details(services: Services, panel: SummaryPanel, run: Run) -> Updates:
    """The other figures, the numbers, the settings and the environment of a run.

    Raises:
        RunError: it has no result, or a damaged one.
    """
    result = run.require_result()
    with run.explaining_damage():
        headers, rows = numbers_table(result)
        drawn = _own_figures(services, run, result)
        updates: Updates = {
            panel.numbers: gr.update(
                value={"headers": headers, "data": one_line_cells(rows[:MAX_ANSWERERS], MAX_NAME)}
            ),
            panel.settings: table_value(map(_, words.SETTING_HEADERS), setting_rows(run.config)),
            panel.environment: table_value(
                map(_, words.ENVIRONMENT_HEADERS), [*environment_rows(result), *_damaged_events(services, run)]
            ),
        }
    for name, figure in drawn.items():
        updates[panel.plots[name]] = gr.update(value=figure, visible=figure is not None)
    return updates


def _damaged_events(services: Services, run: Run) -> list[list[str]]:
    left_out = services.feeds.of(run.id).left_out
    return [[_(words.DAMAGED_EVENTS), str(left_out)]] if left_out else []


def _own_figures(services: Services, run: Run, result: Result) -> dict[str, go.Figure | None]:
    news = services.feeds.of(run.id).since(Cursor())
    return {
        "confusion": confusion_figure(result),
        "reliability": reliability_figure(result),
        "loss": loss_curve_figure(news["points"], news["evaluations"]) if news["points"] else None,
        "memory": memory_figure(result),
        "phenomenon": phenomenon_figure(result),
    }


def _shared_figures(runs: list[Run]) -> dict[str, go.Figure]:
    """Scores and curves of all runs together; a damaged one is found while they are still apart."""
    labelled = [(short_label(run), run.require_result()) for run in runs]
    for run, one in zip(runs[1:], labelled[1:], strict=True):
        with run.explaining_damage():
            history_figure([one])
    with runs[0].explaining_damage():
        return {"scores": scores_of_runs(runs, labelled), "history": history_figure(labelled)}


def scores_of_runs(runs: list[Run], labelled: Sequence[tuple[str, Result]]) -> go.Figure:
    """One run's scores; of several, what each gains over the first, where they answered the same pairs."""
    if len(runs) > 1:
        with suppress(DifferentPairs):
            against = [compare_runs(runs[0], other) for other in runs[1:]]
            return against_figure([label for label, _ in labelled], against)
    return scores_figure(labelled)


def _others_words(runs: list[Run]) -> str:
    if len(runs) == 1:
        return ""
    first, *others = (plain(run.id) for run in runs)
    return f"\n\n{words.others(first, others)}"
