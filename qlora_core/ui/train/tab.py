"""The tab "Fine-tune": choose, see what it will take, start, and watch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.choices import Choice, explained
from qlora_core.config import SETTINGS
from qlora_core.data.catalog import OWN_FILE
from qlora_core.data.formats import FORMATS
from qlora_core.errors import QLoRAError
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.presets import FIRST_PRESET, PRESETS
from qlora_core.server.services import Services
from qlora_core.ui.events import PRIVATE, address_of
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.train.form import FIELD_NAMES, control, preset_values
from qlora_core.ui.train.live_view import live_view
from qlora_core.ui.train.look_panel import LookPanel, look_panel, wire_look
from qlora_core.ui.train.start_panel import StartPanel, start_panel, wire_start
from qlora_core.ui.train.submission import (
    DATASET_CHOICES,
    NO_FILES,
    chosen_from,
    expectation,
    started_words,
    submit_run,
)
from qlora_core.ui.words import train as words
from qlora_core.ui.words.availability import why_not

#: What a run will take, as Markdown, and an update of the button that has its baselines measured again.
Expected = tuple[str, dict[str, Any]]
MEASURE_AGAIN = "measure_baselines_again"


@dataclass(frozen=True)
class Form:
    """The controls of the tab's left side."""

    base_model: gr.Dropdown
    dataset: gr.Dropdown
    own_part: gr.Column  #: shown where the pairs are a file of one's own
    own: tuple[gr.File, gr.File, gr.Textbox]  #: in the order of ``OwnFile``
    look: LookPanel
    start_from: StartPanel
    preset: gr.Radio
    start: gr.Button
    message: gr.Markdown
    expected: gr.Markdown
    measure: gr.Button
    measure_again: gr.Button  #: the baselines, where an earlier run has measured those of this one
    settings: list[gr.components.Component]  #: in the order of ``FIELD_NAMES``

    @property
    def expectation(self) -> list[gr.components.Component]:
        """What ``Expected`` is shown in."""
        return [self.expected, self.measure_again]

    @property
    def chosen(self) -> list[gr.components.Component]:
        """Everything that decides what a run will be, in the order of ``chosen_from``."""
        return [self.base_model, self.dataset, *self.own, *self.settings, *self.start_from.chosen]


def train_tab(services: Services) -> Form:
    """Build the tab inside the current ``gr.Tab``."""
    with gr.Row(equal_height=False, elem_classes="train-row"):
        with gr.Column(scale=1, min_width=300, elem_classes="train-form"):
            form = _form(services)
        with gr.Column(scale=3, min_width=320):
            live_view(services)
    _wire_start(services, form)
    _wire_expectation(services, form)
    wire_start(services, form.start_from, form.base_model, form.settings)
    wire_look(services, form.look, form.chosen, form.dataset, form.own[0])
    return form


def _form(services: Services) -> Form:
    base_model = _subject("base_model", BASE_MODELS)
    dataset = _subject("dataset", DATASET_CHOICES)
    with gr.Column(visible=False, elem_classes="own-files") as own_part:
        own = _own_files()
    look = look_panel()
    preset = gr.Radio(choices=_choices(PRESETS), value=FIRST_PRESET, label=words.PRESET, info=explained(PRESETS))
    start = gr.Button(words.START, variant="primary", size="lg", elem_id="start")
    message = gr.Markdown(words.START_HELP, elem_classes="form-message")
    expected = gr.Markdown(elem_classes="form-expected")
    measure = gr.Button(words.MEASURE, size="sm")
    measure_again = gr.Button(words.MEASURE_AGAIN, size="sm", visible=False)
    start_from = start_panel(services)
    with gr.Accordion(words.EVERY_SETTING, open=False):
        settings = _settings()
    with gr.Accordion(words.HOW_IT_WORKS_TITLE, open=False):
        gr.Markdown(words.HOW_IT_WORKS)
    return Form(
        base_model,
        dataset,
        own_part,
        own,
        look,
        start_from,
        preset,
        start,
        message,
        expected,
        measure,
        measure_again,
        settings,
    )


def _subject(name: str, choices: Mapping[str, Choice]) -> gr.Dropdown:
    setting = SETTINGS[name]
    return gr.Dropdown(choices=_choices(choices), value=setting.default, label=setting.label, info=setting.help)


def _own_files() -> tuple[gr.File, gr.File, gr.Textbox]:
    """What a file of one's own needs, in the order of ``OwnFile``."""
    files: dict[str, Any] = {"file_types": list(FORMATS), "type": "filepath", "height": 140}
    columns = SETTINGS["columns"]
    return (
        gr.File(label=words.OWN_FILE, **files),
        gr.File(label=words.VALIDATION_FILE, **files),
        gr.Textbox(label=columns.label, info=columns.help, placeholder=words.COLUMNS_EXAMPLE, max_length=400),
    )


def _choices(choices: Mapping[str, Choice]) -> list[tuple[str, str]]:
    return [(choice.label, choice.name) for choice in choices.values()]


def _settings() -> list[gr.components.Component]:
    """The control of every setting, with a heading for each section, in the order of ``FIELD_NAMES``."""
    made: list[gr.components.Component] = []
    section = ""
    for name, value in zip(FIELD_NAMES, preset_values(FIRST_PRESET), strict=True):
        setting = SETTINGS[name]
        if setting.section != section:
            section = setting.section
            gr.Markdown(f"### {section}")
        made.append(control(setting, value))
    return made


def _wire_start(services: Services, form: Form) -> None:
    started, secret = gr.Textbox(visible=False), gr.Textbox(visible=False)

    def submit(request: gr.Request, secret: str, *chosen: object) -> tuple[Any, str]:
        """Check what was chosen and put a run into the queue."""
        try:
            run = submit_run(services, chosen_from(services, chosen), secret, "" if secret else address_of(request))
        except QLoRAError as error:
            return gr.skip(), words.refused(plain(error, MAX_MESSAGE))
        return run.id, started_words(services, run.id)

    submitted = form.start.click(
        submit,
        [secret, *form.chosen],
        [started, form.message],
        js="(_, ...chosen) => [qlora.secret(), ...chosen]",
        show_progress="minimal",
        show_progress_on=form.message,
        trigger_mode="once",
        concurrency_limit=None,
        **PRIVATE,
    )
    submitted.then(None, started, None, js="(run) => { qlora.follow(run); }", **PRIVATE)


def _wire_expectation(services: Services, form: Form) -> None:
    def expect(*chosen: object) -> Expected:
        """What a run with these settings trains, without measuring anything."""
        return _described(services, chosen, measured=False)

    def measure(*chosen: object) -> Expected:
        """Measure a few batches here and say what the whole run will take."""
        return _described(services, chosen, measured=True)

    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    form.preset.change(preset_values, form.preset, form.settings, **quietly)
    form.dataset.change(lambda name: gr.update(visible=name == OWN_FILE.name), form.dataset, form.own_part, **quietly)
    gr.on(
        [control.change for control in form.chosen if hasattr(control, "change")],
        expect,
        form.chosen,
        form.expectation,
        trigger_mode="always_last",
        **quietly,
    )
    form.measure.click(measure, form.chosen, form.expectation, trigger_mode="once", concurrency_limit=2, **PRIVATE)
    form.measure_again.click(lambda: True, None, form.settings[FIELD_NAMES.index(MEASURE_AGAIN)], **quietly)


def _described(services: Services, chosen: Sequence[object], *, measured: bool) -> Expected:
    try:
        config = chosen_from(services, chosen)
        if measured:
            services.estimates.measure(config)
        are_known = services.store.baselines.known(config) is not None
        return expectation(services, config), gr.update(visible=are_known)
    except QLoRAError as error:
        return words.refused(plain(error, MAX_MESSAGE)), gr.update(visible=False)


def first_expectation(services: Services) -> Callable[[], Expected]:
    """A handler that says what a run with the form's first settings trains."""
    subject = SETTINGS["base_model"].default, SETTINGS["dataset"].default
    chosen = [*subject, *NO_FILES, *preset_values(FIRST_PRESET)]
    return lambda: _described(services, chosen, measured=False)


def labelled_choices(services: Services) -> Callable[[], tuple[Any, Any]]:
    """A handler that gives the base models and datasets again, saying of each that cannot work here why."""

    def labelled(kind: str, choices: Mapping[str, Choice]) -> list[tuple[str, str]]:
        obstacles = {name: services.availability.obstacle(kind, name) for name in choices}
        return [
            (words.unavailable(label, why_not(found)) if (found := obstacles[name]) else label, name)
            for label, name in _choices(choices)
        ]

    def handler() -> tuple[Any, Any]:
        services.availability.wait(30)
        return (
            gr.update(choices=labelled("base_model", BASE_MODELS)),
            gr.update(choices=labelled("dataset", DATASET_CHOICES)),
        )

    return handler
