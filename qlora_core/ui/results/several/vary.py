"""A grid of settings, asked for beside a run: each combination of a few values, started at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.errors import ConfigError, QLoRAError
from qlora_core.evaluation.several.plan import MAX_SETTINGS, MAX_TEXT, VARIABLE, is_list, suggestion
from qlora_core.language import gettext as _
from qlora_core.server.grid import MAX_SEEDS, Grid, expected_seconds, grid_of
from qlora_core.server.services import Services
from qlora_core.server.together import submit_together
from qlora_core.store.run import Run
from qlora_core.ui.events import PRIVATE, address_of
from qlora_core.ui.results.run_choice import checked_runs
from qlora_core.ui.safe_text import MAX_MESSAGE, MAX_NAME, plain
from qlora_core.ui.words import finished
from qlora_core.ui.words import several as words
from qlora_core.ui.words import train as train_words
from qlora_core.ui.words.availability import why_not

FIRST = "learning_rate"  #: what the panel opens with
Updates = dict[Any, Any]


@dataclass(frozen=True)
class VaryPanel:
    """The controls of a grid, and what is said of it."""

    place: gr.Accordion
    names: Sequence[gr.Dropdown]
    values: Sequence[gr.Textbox]  #: one beside each name
    seeds: gr.Slider
    plan: gr.Markdown  #: how many runs it is and how long they take, or why it cannot be
    start: gr.Button
    watch: gr.Button
    message: gr.Markdown
    first: gr.Textbox  #: id of the first run that was started, hidden
    secret: gr.Textbox

    @property
    def controls(self) -> list[Any]:
        """What the grid follows from."""
        return [*self.names, *self.values, self.seeds]

    @property
    def outputs(self) -> list[Any]:
        """What ``start_grid`` changes."""
        return [self.plan, self.message, self.first, self.watch]


def vary_panel() -> VaryPanel:
    """Lay it out, closed at first."""
    with gr.Accordion(_(words.VARY), open=False, elem_id="vary-settings") as place:
        gr.Markdown(_(words.VARY_HELP))
        rows = [_row(number, name) for number, name in enumerate((FIRST, "", ""))]
        seeds = gr.Slider(1, MAX_SEEDS, value=1, step=1, label=_(words.GRID_SEEDS))
        plan = gr.Markdown(latex_delimiters=[], elem_id="grid-plan")
        with gr.Row(elem_classes="results-actions"):
            start = gr.Button(_(words.START_THESE), size="md", min_width=200)
            watch = gr.Button(_(words.WATCH_THEM), size="md", min_width=150, visible=False)
        message = gr.Markdown(latex_delimiters=[])
        first, secret = gr.Textbox(visible=False), gr.Textbox(visible=False)
    names, values = zip(*rows, strict=True)
    return VaryPanel(place, names, values, seeds, plan, start, watch, message, first, secret)


def _row(number: int, name: str) -> tuple[gr.Dropdown, gr.Textbox]:
    """A setting and its values."""
    choices = [(f"{SETTINGS[one].label} ({one})", one) for one in VARIABLE]
    none = [(_(words.NO_SETTING), "")] if number else []
    with gr.Row():
        chosen = gr.Dropdown([*none, *choices], value=name, label=_(words.VARIED[number]), min_width=240)
        values = gr.Textbox("", label=_(words.VALUES), visible=bool(name), max_length=MAX_TEXT, min_width=240)
    return chosen, values


def wire_vary(services: Services, panel: VaryPanel, runs: gr.Dropdown) -> None:
    """Say what a grid comes to while it is written; values are suggested for a setting that has none yet."""

    def describe(run_ids: object, *asked: object) -> str:
        """What the grid comes to."""
        return described(services, run_ids, asked)

    def suggest(run_ids: object, *asked: object) -> list[Any]:
        """Values for each setting without any, and what the grid comes to then."""
        return suggested(services, run_ids, asked)

    inputs, outputs = [runs, *panel.controls], [*panel.values, panel.plan]
    quietly: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "queue": False, **PRIVATE}
    panel.place.expand(suggest, inputs, outputs, **quietly)
    for place, name in enumerate(panel.names, start=1):
        emptied = f"(...all) => {{ all[{place + MAX_SETTINGS}] = ''; return all; }}"
        name.input(suggest, inputs, outputs, js=emptied, **quietly)
    written = [*(box.change for box in panel.values), panel.seeds.change, runs.change]
    gr.on(written, describe, inputs, panel.plan, **quietly)


def asked_grid(services: Services, run: Run, assignments: Sequence[str], seeds: int) -> Grid:
    """``grid_of``, with a sentence for a visitor where this machine cannot compute with a quantisation.

    Raises:
        ConfigError, RunError: as ``grid_of``.
    """
    grid = grid_of(services, run, assignments, seeds)
    for config in grid.new:
        if found := services.availability.obstacle("quantization", config.quantization):
            raise ConfigError(why_not(found))
    return grid


def described(services: Services, run_ids: object, asked: Sequence[object]) -> str:
    """How many runs a grid is and how long they take, or why it cannot be, as Markdown; "" without a run."""
    if not run_ids:
        return ""
    try:
        run = checked_runs(services, run_ids)[0]
        return _plan_words(services, run, _asked(services, run, asked))
    except QLoRAError as error:
        return train_words.refused(plain(error, MAX_MESSAGE))


def _plan_words(services: Services, run: Run, grid: Grid) -> str:
    said = words.planned(len(grid.new), grid.known)
    if (altogether := expected_seconds(services, grid.new)) is not None:
        return f"{said} {words.altogether(altogether)}"
    said = f"{said} {_(words.NOT_MEASURED)}"
    device, seconds = run.environment.get("device_name"), services.feeds.of(run.id).seconds_at_work()
    return f"{said} {words.took(seconds, plain(device, MAX_NAME))}" if device and seconds else said


def suggested(services: Services, run_ids: object, asked: Sequence[object]) -> list[Any]:
    """The boxes of values, filled where a setting was chosen and has none, and what the grid comes to then."""
    try:
        run = checked_runs(services, run_ids)[0]
        pairs, seeds = _checked(asked)
    except QLoRAError as error:
        return [*[gr.skip()] * MAX_SETTINGS, train_words.refused(plain(error, MAX_MESSAGE))]
    texts = [text or (suggestion(run.config, name) if name else "") for name, text in pairs]
    boxes = [
        gr.update(value=text, visible=bool(name), label=_(words.LISTS if name and is_list(name) else words.VALUES))
        for (name, _text), text in zip(pairs, texts, strict=True)
    ]
    return [*boxes, described(services, run_ids, [*(name for name, _text in pairs), *texts, seeds])]


def start_grid(
    services: Services, panel: VaryPanel, run_ids: object, asked: Sequence[object], request: gr.Request
) -> tuple[list[str], Updates]:
    """Put the runs of a grid into the queue; returns the settings that it varies, and what is said.

    Args:
        asked: the values of ``panel.controls``, then the visitor's secret.

    Raises:
        QLoRAError: it cannot be carried out, or has no room in the queue.
    """
    *controls, secret = asked
    run, known = checked_runs(services, run_ids)[0], secret if isinstance(secret, str) else ""
    grid = _asked(services, run, controls)
    started = submit_together(services, grid.new, known, "" if known else address_of(request))
    return [*grid.settings], {
        panel.plan: "",
        panel.message: words.queued(len(started)),
        panel.first: started[0].id,
        panel.watch: gr.update(visible=True),
    }


def _asked(services: Services, run: Run, asked: Sequence[object]) -> Grid:
    pairs, seeds = _checked(asked)
    assignments = [f"{name}={text}" for name, text in pairs if name]
    if not assignments:
        raise ConfigError(_(words.CHOOSE))
    return asked_grid(services, run, assignments, seeds)


def _checked(asked: Sequence[object]) -> tuple[list[tuple[str, str]], int]:
    """Settings, each with the text of its values, and how many seeds.

    Raises:
        ConfigError: it is none of what the controls send.
    """
    *texts, seeds = asked
    known = [text or "" for text in texts if text is None or isinstance(text, str)]
    names, values = known[:MAX_SETTINGS], known[MAX_SETTINGS:]
    if len(known) != 2 * MAX_SETTINGS or not set(names) <= {"", *VARIABLE} or not isinstance(seeds, int):
        raise ConfigError(_(finished.BAD_CHOICE))
    return list(zip(names, values, strict=True)), seeds
