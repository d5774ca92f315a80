"""The tab "Results": what a run came to, which answers it changed, and what can be taken home."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from qlora_core.choices import explained
from qlora_core.errors import QLoRAError
from qlora_core.evaluation.metrics import METRICS
from qlora_core.export.merged.kept import MergedModels
from qlora_core.export.notebook_apart import make_notebook
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.settings import read_settings
from qlora_core.ui.classroom.element import class_element
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.results.bring_panel import BringPanel, bring_panel, brought_run
from qlora_core.ui.results.downloads import download_button, merged_button, write_numbers, write_worksheet, write_zip
from qlora_core.ui.results.flips_panel import FlipsPanel, flips_panel, shown_flips, wire_flips
from qlora_core.ui.results.history_panel import HistoryPanel, delete_runs, history_panel, listed, wire_history
from qlora_core.ui.results.push_panel import push_panel
from qlora_core.ui.results.run_choice import MAX_RUNS, checked_runs, finished_choices, run_to_open, start_of
from qlora_core.ui.results.several.panel import SeveralPanel, several_panel, shown_several, wire_several
from qlora_core.ui.results.sign import sign_line
from qlora_core.ui.results.summary_panel import (
    SummaryPanel,
    badge_accordion,
    details,
    failure,
    figure_grid,
    headline_markdown,
    nothing_yet,
    settings_accordion,
    summary,
)
from qlora_core.ui.results.threshold.panel import ThresholdPanel, opened_threshold, threshold_panel, wire_threshold
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.words import brought as brought_words
from qlora_core.ui.words import finished as words

Updates = dict[Any, Any]
KEEP_ADDRESS = "(runs) => { qlora.address({ run: runs[0], with: runs.slice(1).join() }); return [runs]; }"


@dataclass(frozen=True)
class ResultsTab:
    """What the rest of the page needs of the tab."""

    runs: gr.Dropdown  #: ids of the runs on show
    summary: SummaryPanel
    threshold: ThresholdPanel
    flips: FlipsPanel
    several: SeveralPanel
    bring: BringPanel
    history: HistoryPanel
    sentence1: gr.Textbox  #: the pair that was selected under "What flipped"
    sentence2: gr.Textbox
    pair_chosen: Dependency  #: chain with ``.success``: both sentences are there then

    @property
    def outputs(self) -> list[Any]:
        """Everything that changes when the tab is opened."""
        return [self.runs, *self.summary.first, *self.history.listing, self.history.confirm]


def results_tab(services: Services) -> ResultsTab:
    """Build the tab inside the current ``gr.Tab``; ``wire_opening`` fills it when it is opened."""
    runs = gr.Dropdown(
        finished_choices(services),
        value=[],
        multiselect=True,
        max_choices=MAX_RUNS,
        label=_(words.RUN),
        info=words.add_others(MAX_RUNS),
        elem_id="results-runs",
    )
    headline = headline_markdown()
    start = gr.Button(visible=False, size="sm", elem_id="show-start")
    with gr.Column(visible=False) as body:
        sign = sign_line()
        facts = gr.Markdown(latex_delimiters=[], elem_classes="results-facts")
        badge, evidence = badge_accordion()
        plots = figure_grid()
        classroom = class_element("results")
        several = several_panel()
        numbers = _numbers_and_downloads(services, runs)
        threshold = threshold_panel()
        flips = flips_panel()
        settings, environment = settings_accordion()
    bring, history = bring_panel(), history_panel()
    panel = SummaryPanel(
        headline, start, body, sign, facts, plots, badge, evidence, classroom, numbers, settings, environment
    )  # fmt: skip
    pair_chosen = wire_flips(services, flips, runs)
    wire_history(services, history)
    wire_threshold(services, threshold, runs)
    wire_several(services, several, runs)
    tab = ResultsTab(
        runs, panel, threshold, flips, several, bring, history, flips.sentence1, flips.sentence2, pair_chosen
    )
    _wire_choice(services, tab)
    _wire_bringing(services, tab)
    return tab


def _numbers_and_downloads(services: Services, runs: gr.Dropdown) -> gr.Dataframe:
    """The table of all numbers, and what can be taken home."""
    with gr.Accordion(_(words.ALL_NUMBERS), open=False):
        gr.Markdown(explained(METRICS))
        numbers = gr.Dataframe(
            interactive=False, label=_(words.ALL_NUMBERS), show_label=False, elem_classes="results-table"
        )
    with gr.Row(elem_classes="results-actions"):
        message = gr.Markdown(render=False, latex_delimiters=[])
        shared: dict[str, Any] = {"runs": runs, "message": message, "size": "md", "min_width": 200}
        download_button(services, _(words.ZIP), ".zip", write_zip, variant="primary", **shared)
        write_notebook = partial(make_notebook, fork_server=services.fork_server)
        download_button(services, _(words.NOTEBOOK), ".ipynb", write_notebook, **shared)
        download_button(services, _(words.CSV), ".csv", write_numbers, **shared)
        write_sheet = partial(write_worksheet, services=services)
        download_button(services, _(words.WORKSHEET), ".html", write_sheet, **shared)
        merged_button(services, MergedModels(Path(runs.GRADIO_CACHE)), **shared)
    message.render()
    if read_settings().oauth_client:
        push_panel(services, runs)
    return numbers


def shown(services: Services, tab: ResultsTab, run_ids: object) -> Updates:
    """The chosen runs, or in plain words why they cannot be shown."""
    try:
        return summary(services, tab.summary, checked_runs(services, run_ids))
    except QLoRAError as error:
        return failure(tab.summary, error)


def detailed(services: Services, tab: ResultsTab, run_ids: object) -> Updates:
    """The rest about the first of the chosen runs; nothing where that cannot be shown."""
    if not run_ids:
        return {tab.summary.numbers: gr.skip()}
    try:
        return details(services, tab.summary, checked_runs(services, run_ids)[0])
    except QLoRAError as error:
        return failure(tab.summary, error)


def opened(
    services: Services, tab: ResultsTab, wanted: object, chosen: object, order: object, text: object, picked: object
) -> Updates:
    """The tab as it is to look now; runs on show are left as they are unless another is wanted."""
    choices, run_ids = finished_choices(services), run_to_open(services, wanted, chosen)
    updates = {tab.runs: gr.update(choices=choices, value=run_ids)}
    updates |= listed(services, tab.history, order, text, picked)
    if not run_ids:
        return updates | nothing_yet(tab.summary)
    return updates if run_ids == chosen else updates | shown(services, tab, run_ids)


def _wire_choice(services: Services, tab: ResultsTab) -> None:
    """Choose other runs, at the top or from the list of all; delete some."""
    history = tab.history

    def choose(run_ids: object) -> Updates:
        """Show the chosen runs."""
        return shown(services, tab, run_ids)

    def choose_picked(run_ids: object) -> Updates:
        """Show the runs that were picked from the list."""
        return {tab.runs: run_ids, **shown(services, tab, run_ids)}

    def choose_start(run_ids: object) -> Updates:
        """Show the run that the first one started from."""
        try:
            start = start_of(services, checked_runs(services, run_ids)[0])
        except QLoRAError as error:
            return failure(tab.summary, error)
        ids = [start.id] if start else run_ids
        return {tab.runs: ids, **shown(services, tab, ids)}

    def delete(secret: object, owner: object, picked: object, chosen: object, order: object, text: object) -> Updates:
        """Delete the picked runs and show what is left."""
        try:
            said = delete_runs(services, secret, picked, owner)
        except QLoRAError as error:
            return {history.outcome: words.not_deleted(plain(error, MAX_MESSAGE))}
        updates = opened(services, tab, "", chosen, order, text, picked)
        return updates | {history.outcome: said, history.confirm: gr.update(visible=False)}

    chosen = tab.runs.input(
        choose, tab.runs, tab.summary.first, js=KEEP_ADDRESS, trigger_mode="always_last", **_progress(tab)
    )
    picked = history.show.click(choose_picked, history.picked, [tab.runs, *tab.summary.first], **_progress(tab))
    picked.then(None, None, None, js="() => document.querySelector('#results-runs').scrollIntoView()", **PRIVATE)
    started = tab.summary.start.click(
        choose_start, tab.runs, [tab.runs, *tab.summary.first], trigger_mode="once", **_progress(tab)
    )
    deleted = history.really.click(
        delete,
        [history.secret, history.owner, history.picked, tab.runs, history.order, history.text],
        tab.outputs,
        js="(_, __, ...chosen) => [qlora.secret(), qlora.ownersPass(), ...chosen]",
        trigger_mode="once",
        **_progress(tab),
    )
    for event in (chosen, picked, started, deleted):
        _then_details(services, tab, event)


def _wire_bringing(services: Services, tab: ResultsTab) -> None:
    """Take in a zip that is dropped, and show its run."""
    bring, history = tab.bring, tab.history

    def take(file: object, secret: object, *state: Any) -> Updates:
        """Check the zip; whatever is wrong with it is said beside it."""
        try:
            run = brought_run(services, file, secret)
        except QLoRAError as error:
            return {bring.message: brought_words.not_brought(plain(error, MAX_MESSAGE)), bring.file: None}
        said = brought_words.brought_here(plain(run.id))
        return opened(services, tab, run.id, *state) | {bring.message: said, bring.file: None}

    event = bring.file.upload(
        take,
        [bring.file, bring.secret, tab.runs, history.order, history.text, history.picked],
        [*tab.outputs, bring.message, bring.file],
        js="(file, _, ...state) => [file, qlora.secret(), ...state]",
        show_progress="minimal",
        show_progress_on=bring.message,
        concurrency_limit=2,
        **PRIVATE,
    )
    _then_details(services, tab, event)


def wire_opening(services: Services, tab: ResultsTab, place: gr.Tab, tabs: gr.Tabs) -> None:
    """Fill the tab whenever it is opened: by hand, or by "See the results" of the live view.

    Has to be called inside the page's ``gr.Blocks`` and outside its tabs, whose content is not there until they open.
    """
    opener = gr.Button(visible="hidden", elem_id="open-results")
    opener.click(lambda: gr.Tabs(selected="results"), None, tabs, show_progress="hidden", queue=False, **PRIVATE)
    wanted = gr.Textbox(visible=False)
    history = tab.history

    def open_tab(wanted: object, *state: Any) -> Updates:
        """Show the run that is wanted, else what was on show, else the newest."""
        return opened(services, tab, wanted, *state)

    watch, first = tab.several.vary.watch, tab.several.vary.first
    watched = watch.click(lambda: gr.Tabs(selected="train"), None, tabs, show_progress="hidden", queue=False, **PRIVATE)
    watched.then(None, first, None, js="(run) => { qlora.follow(run); }", **PRIVATE)

    event = place.select(
        open_tab,
        [wanted, tab.runs, history.order, history.text, history.picked],
        tab.outputs,
        js="(_, ...state) => [qlora.resultsWanted(), ...state]",
        **_progress(tab),
    )
    _then_details(services, tab, event)


def _then_details(services: Services, tab: ResultsTab, event: Dependency) -> None:
    """After another run's outcome is shown, the rest about it, and what it flipped, which may take seconds at first."""

    def show_details(run_ids: object) -> Updates:
        """The other figures and tables of the run on show."""
        return detailed(services, tab, run_ids)

    def list_flips(run_ids: object, *choice: object) -> list[Any]:
        """The flipped pairs of the run on show."""
        return shown_flips(services, run_ids, *choice) if run_ids else [gr.skip()] * len(tab.flips.outputs)

    def show_threshold(run_ids: object, threshold: object, named: object) -> list[Any]:
        """What the threshold comes to for the run on show."""
        return opened_threshold(services, run_ids, threshold, named) if run_ids else [gr.skip()] * len(follows)

    def show_several(run_ids: object, *choice: object) -> Updates:
        """What several runs say together."""
        return shown_several(services, tab.several, run_ids, *choice)

    follows = [*tab.threshold.outputs, tab.threshold.place]
    shared: dict[str, Any] = {"show_progress": "minimal", **PRIVATE}
    several = event.then(
        show_several,
        [tab.runs, *tab.several.choice],
        tab.several.outputs,
        js="(runs, settings) => [runs, qlora.settingsWanted(settings)]",
        show_progress="hidden",
        **PRIVATE,
    )
    rest = several.then(
        show_details,
        tab.runs,
        [*tab.summary.rest, tab.summary.headline, tab.summary.body],
        show_progress_on=tab.summary.numbers,
        **shared,
    )
    rest.then(
        show_threshold,
        [tab.runs, tab.threshold.slider, tab.threshold.named],
        follows,
        js="(runs, threshold) => [runs, threshold, qlora.thresholdWanted()]",
        show_progress="hidden",
        **PRIVATE,
    )
    rest.then(list_flips, [tab.runs, *tab.flips.choice], tab.flips.outputs, show_progress_on=tab.flips.words, **shared)


def _progress(tab: ResultsTab) -> dict[str, Any]:
    return {"show_progress": "minimal", "show_progress_on": tab.summary.headline, "concurrency_limit": None, **PRIVATE}
