"""The tab "Fine-tune": choose, see what it will take, start, and watch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from qlora_core.choices import Choice
from qlora_core.config import SETTINGS
from qlora_core.data.catalog import OWN_FILE
from qlora_core.data.formats import FORMATS
from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.models.catalog import offered_base_models
from qlora_core.server.availability import DOCTOR_SECONDS
from qlora_core.server.services import Services
from qlora_core.server.turns import HELD_SECONDS
from qlora_core.ui.classroom.element import class_element
from qlora_core.ui.events import PRIVATE, address_of
from qlora_core.ui.opening import Opening, opening_everywhere, opening_now
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.train.base_model_choice import shown_about
from qlora_core.ui.train.borrowing import device_control, wire_borrowing
from qlora_core.ui.train.form import FIELD_NAMES, preset_values
from qlora_core.ui.train.live_view import live_view
from qlora_core.ui.train.look_panel import LookPanel, look_panel, wire_look
from qlora_core.ui.train.preset_choice import filled, preset_choices, preset_control, refill
from qlora_core.ui.train.setting_groups import setting_groups
from qlora_core.ui.train.start_panel import StartPanel, start_panel, wire_start
from qlora_core.ui.train.submission import (
    DATASET_CHOICES,
    NO_FILES,
    chosen_from,
    expectation,
    started_words,
    submit_run,
)
from qlora_core.ui.words import classroom as class_words
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
    device: gr.Radio  #: shown where GPUs are lent
    wait: gr.Checkbox  #: whether the run is held for a class to guess
    filled: gr.Textbox  #: for which preset and pairs the settings were filled in, see ``preset_choice.filled``
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
            class_element("live")
            live_view(services)
    _wire_start(services, form)
    _wire_expectation(services, form)
    wire_start(services, form.start_from, form.base_model, form.settings)
    wire_look(services, form.look, form.chosen, form.dataset, form.own[0])
    return form


def _form(services: Services) -> Form:
    opening = opening_everywhere(services)
    base_model = _subject("base_model", offered_base_models(), opening.base_model)
    dataset = _subject("dataset", DATASET_CHOICES, opening.dataset)
    with gr.Column(visible=False, elem_classes="own-files") as own_part:
        own = _own_files()
    look = look_panel()
    preset = preset_control(services, opening)
    was_filled = gr.Textbox(filled(opening.preset, opening.dataset), visible=False)
    device = device_control(services)
    start = gr.Button(_(words.START), variant="primary", size="lg", elem_id="start")
    wait = gr.Checkbox(
        label=_(class_words.WAIT_FOR_GUESSES),
        info=class_words.wait_help(round(HELD_SECONDS / 60)),
        value=False,
        elem_id="wait-for-guesses",
    )
    message = gr.Markdown(
        _(words.START_HELP_LENT) if services.loans else _(words.START_HELP), elem_classes="form-message"
    )
    expected = gr.Markdown(elem_classes="form-expected")
    measure = gr.Button(_(words.MEASURE), size="sm")
    measure_again = gr.Button(_(words.MEASURE_AGAIN), size="sm", visible=False)
    start_from = start_panel(services)
    with gr.Accordion(_(words.EVERY_SETTING), open=False):
        values = preset_values(opening.preset, opening.dataset)
        settings = setting_groups(dict(zip(FIELD_NAMES, values, strict=True)))
    with gr.Accordion(_(words.HOW_IT_WORKS_TITLE), open=False):
        gr.Markdown(_(words.HOW_IT_WORKS))
    return Form(
        base_model,
        dataset,
        own_part,
        own,
        look,
        start_from,
        preset,
        device,
        wait,
        was_filled,
        start,
        message,
        expected,
        measure,
        measure_again,
        settings,
    )


def _subject(name: str, choices: Mapping[str, Choice], value: str) -> gr.Dropdown:
    setting = SETTINGS[name]
    return gr.Dropdown(choices=_choices(choices), value=value, label=setting.label, info=setting.help)


def _own_files() -> tuple[gr.File, gr.File, gr.Textbox]:
    """What a file of one's own needs, in the order of ``OwnFile``."""
    files: dict[str, Any] = {"file_types": list(FORMATS), "type": "filepath", "height": 140}
    columns = SETTINGS["columns"]
    return (
        gr.File(label=words.own_file(), **files),
        gr.File(label=_(words.VALIDATION_FILE), **files),
        gr.Textbox(label=columns.label, info=columns.help, placeholder=_(words.COLUMNS_EXAMPLE), max_length=400),
    )


def _choices(choices: Mapping[str, Choice]) -> list[tuple[str, str]]:
    return [(choice.label, choice.name) for choice in choices.values()]


def _wire_start(services: Services, form: Form) -> None:
    started, secret, to_borrow = (gr.Textbox(visible=False) for _ in range(3))

    def submit(request: gr.Request, secret: str, device: str, wait: bool, *chosen: object) -> tuple[Any, str, str]:
        """Check what was chosen and put a run into the queue, or make it ready for a borrowed GPU."""
        try:
            config, address = chosen_from(services, chosen), "" if secret else address_of(request)
            run = submit_run(services, config, secret, address, device, wait_for_guesses=wait)
        except QLoRAError as error:
            return gr.skip(), words.refused(plain(error, MAX_MESSAGE)), ""
        if device == words.BORROWED_GPU:
            return run.id, _(words.BORROWING), run.id
        return run.id, started_words(services, run.id), ""

    submitted = form.start.click(
        submit,
        [secret, form.device, form.wait, *form.chosen],
        [started, form.message, to_borrow],
        js="(_, ...chosen) => [qlora.secret(), ...chosen]",
        show_progress="minimal",
        show_progress_on=form.message,
        trigger_mode="once",
        concurrency_limit=None,
        **PRIVATE,
    )
    followed = submitted.then(None, started, None, js="(run) => { qlora.follow(run); }", **PRIVATE)
    if services.loans is not None:
        followed.then(None, to_borrow, None, js="(run) => { qlora.borrow(run); }", **PRIVATE)
        wire_borrowing(services, services.loans, form.message)


def _wire_expectation(services: Services, form: Form) -> None:
    def expect(*chosen: object) -> Expected:
        """What a run with these settings trains, without measuring anything."""
        return _described(services, chosen, measured=False)

    def measure(*chosen: object) -> Expected:
        """Measure a few batches here and say what the whole run will take."""
        return _described(services, chosen, measured=True)

    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    subject = [form.base_model, form.dataset]
    what_it_costs: tuple[Any, ...] = (partial(_offered_presets, services), subject, form.preset)
    gr.on(
        [form.preset.change, form.dataset.change],
        None,
        [form.preset, form.dataset, form.filled, *form.settings],
        [form.filled, *form.settings],
        js=refill(),
        **quietly,
    )
    gr.on([control.change for control in subject], *what_it_costs, **quietly)
    form.base_model.change(partial(shown_about, services), form.base_model, form.base_model, **quietly)
    form.dataset.change(lambda name: gr.update(visible=name == OWN_FILE.name), form.dataset, form.own_part, **quietly)
    gr.on(
        [control.change for control in form.chosen if hasattr(control, "change")],
        expect,
        form.chosen,
        form.expectation,
        trigger_mode="always_last",
        **quietly,
    )
    measured = form.measure.click(
        measure, form.chosen, form.expectation, trigger_mode="once", concurrency_limit=2, **PRIVATE
    )
    measured.then(*what_it_costs, **quietly)
    form.measure_again.click(lambda: True, None, form.settings[FIELD_NAMES.index(MEASURE_AGAIN)], **quietly)


def _offered_presets(services: Services, base_model: str, dataset: str) -> dict[str, Any]:
    return gr.update(choices=preset_choices(services, base_model, dataset))


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
    opening = opening_everywhere(services)
    values = preset_values(opening.preset, opening.dataset)
    chosen = [opening.base_model, opening.dataset, *NO_FILES, *values]
    return lambda: _described(services, chosen, measured=False)


def wire_opening(services: Services, form: Form, page: gr.Blocks) -> None:
    """What happens when the page is opened: what is known of this machine by then, or soon after, is put into the form.

    What a visitor has touched already stays as it is.
    """
    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    opening = gr.Textbox(visible=False)
    subject = [form.base_model, form.dataset]
    page.load(first_expectation(services), None, form.expectation, **quietly)
    page.load(partial(_offered_presets, services), subject, form.preset, **quietly)
    known = page.load(labelled_choices(services), form.base_model, [*subject, opening], **quietly)
    known.then(
        None,
        [opening, *subject, form.preset],
        [*subject, form.preset],
        js="(opening, ...chosen) => qlora.opened(opening, chosen)",
        **quietly,
    )


def _opening_words(opening: Opening) -> str:
    """An opening as one text, as the page's script reads it."""
    return " ".join((opening.base_model, opening.dataset, opening.preset))


def labelled_choices(services: Services) -> Callable[[str], tuple[Any, Any, str]]:
    """A handler that gives the base models and datasets again, saying of each that cannot work here why, and what to
    open with."""

    def labelled(kind: str, choices: Mapping[str, Choice]) -> list[tuple[str, str]]:
        obstacles = {name: services.availability.obstacle(kind, name) for name in choices}
        return [
            (words.unavailable(label, why_not(found)) if (found := obstacles[name]) else label, name)
            for label, name in _choices(choices)
        ]

    def handler(base_model: str) -> tuple[Any, Any, str]:
        services.availability.wait(DOCTOR_SECONDS)
        return (
            shown_about(services, base_model) | {"choices": labelled("base_model", offered_base_models())},
            gr.update(choices=labelled("dataset", DATASET_CHOICES)),
            _opening_words(opening_now(services)),
        )

    return handler
