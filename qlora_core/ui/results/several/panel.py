"""The part of the tab "Results" about several runs: how it is laid out, and what its buttons do."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.errors import QLoRAError
from qlora_core.evaluation.several.plan import MAX_SETTINGS
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.server.together import submit_together, with_other_seeds
from qlora_core.ui.events import PRIVATE, address_of
from qlora_core.ui.results.run_choice import checked_runs
from qlora_core.ui.results.several.against import AgainstPanel, against_panel, shown_against
from qlora_core.ui.results.several.kinds import KindsPanel, checked_settings, shown_kinds
from qlora_core.ui.results.several.vary import VaryPanel, start_grid, vary_panel, wire_vary
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.words import several as words

MAX_MORE_SEEDS = 5
Updates = dict[Any, Any]


@dataclass(frozen=True)
class SeveralPanel:
    """The components that several runs fill."""

    against: AgainstPanel
    kinds: KindsPanel
    how_many: gr.Slider
    again: gr.Button
    look: gr.Button
    message: gr.Markdown
    secret: gr.Textbox
    vary: VaryPanel

    @property
    def choice(self) -> list[Any]:
        """What decides, beside the chosen runs, what is shown."""
        return [self.kinds.looked_at]

    @property
    def outputs(self) -> list[Any]:
        """What ``shown_several`` changes."""
        return [*self.against.outputs, *self.kinds.outputs]


def several_panel() -> SeveralPanel:
    """Lay the part out."""
    against = against_panel()
    with gr.Accordion(_(words.SEEDS), open=False, elem_id="other-seeds"):
        gr.Markdown(_(words.SEEDS_HELP))
        seeds, spread, curves = gr.Markdown(latex_delimiters=[]), *_plots("spread", "curves")
        with gr.Row(elem_classes="results-actions"):
            how_many = gr.Slider(1, MAX_MORE_SEEDS, value=2, step=1, label=_(words.HOW_MANY), min_width=220)
            again = gr.Button(_(words.AGAIN), size="md", min_width=200, elem_id="run-again")
            look = gr.Button(_(words.LOOK_AGAIN), size="md", min_width=150)
        message = gr.Markdown(latex_delimiters=[])
    vary = vary_panel()
    with gr.Accordion(_(words.SETTINGS), open=False, elem_id="which-setting") as place:
        looked_at = gr.Dropdown(
            [],
            multiselect=True,
            max_choices=MAX_SETTINGS,
            allow_custom_value=True,  # the address may name some before this control knows any; they are checked
            label=_(words.LOOKED_AT),
            info=_(words.SETTINGS_HELP),
        )
        claims = gr.Markdown(latex_delimiters=[])
        (effects,) = _plots("effects")
    kinds = KindsPanel(seeds, spread, curves, place, looked_at, claims, effects)
    return SeveralPanel(against, kinds, how_many, again, look, message, gr.Textbox(visible=False), vary)


def _plots(*names: str) -> list[gr.Plot]:
    return [
        gr.Plot(show_label=False, visible=False, elem_classes=["results-figure", f"figure-{name}"]) for name in names
    ]


def wire_several(services: Services, panel: SeveralPanel, runs: gr.Dropdown) -> None:
    """Choose settings, look again, and run again."""

    def show(run_ids: object, looked_at: object) -> Updates:
        """What several runs say now."""
        return shown_several(services, panel, run_ids, looked_at)

    def run_again(request: gr.Request, run_ids: object, looked_at: object, how_many: object, secret: object) -> Updates:
        """Put runs with other seeds into the queue."""
        try:
            said = _run_again(services, run_ids, how_many, secret, request)
        except QLoRAError as error:
            return {panel.message: words.not_started(plain(error, MAX_MESSAGE))}
        return {panel.message: said, **shown_several(services, panel, run_ids, looked_at)}

    def vary(request: gr.Request, run_ids: object, *asked: object) -> Updates:
        """Put a grid of settings into the queue, and look at these settings."""
        try:
            settings, updates = start_grid(services, panel.vary, run_ids, asked, request)
        except QLoRAError as error:
            return {panel.vary.message: words.not_started(plain(error, MAX_MESSAGE))}
        return updates | shown_several(services, panel, run_ids, settings)

    shared: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": panel.message, **PRIVATE}
    inputs = [runs, *panel.choice]
    panel.kinds.looked_at.input(
        show,
        inputs,
        panel.outputs,
        js="(runs, settings) => { qlora.address({ vary: settings.join() }); return [runs, settings]; }",
        trigger_mode="always_last",
        **shared,
    )
    panel.look.click(show, inputs, panel.outputs, **shared)
    panel.again.click(
        run_again,
        [*inputs, panel.how_many, panel.secret],
        [panel.message, *panel.outputs],
        js="(...values) => [...values.slice(0, -1), qlora.secret()]",
        trigger_mode="once",
        **shared,
    )
    wire_vary(services, panel.vary, runs)
    panel.vary.start.click(
        vary,
        [runs, *panel.vary.controls, panel.vary.secret],
        [*panel.vary.outputs, *panel.outputs],
        js="(...values) => [...values.slice(0, -1), qlora.secret()]",
        trigger_mode="once",
        **shared | {"show_progress_on": panel.vary.message},
    )


def _run_again(services: Services, run_ids: object, how_many: object, secret: object, request: gr.Request) -> str:
    run, known = checked_runs(services, run_ids)[0], secret if isinstance(secret, str) else ""
    wanted = how_many if isinstance(how_many, int) and how_many <= MAX_MORE_SEEDS else 0
    configs = with_other_seeds(services, run, wanted)
    return words.queued(len(submit_together(services, configs, known, "" if known else address_of(request))))


def shown_several(services: Services, panel: SeveralPanel, run_ids: object, looked_at: object) -> Updates:
    """What the chosen runs say against each other, and the first of them with those of its kind."""
    if not run_ids:
        return {panel.kinds.seeds: ""}
    try:
        runs = checked_runs(services, run_ids)
        settings = checked_settings(looked_at, SETTINGS)
    except QLoRAError as error:
        return {panel.kinds.seeds: words.not_started(plain(error, MAX_MESSAGE))}
    return shown_against(services, panel.against, runs) | shown_kinds(services, panel.kinds, runs[0], settings)
