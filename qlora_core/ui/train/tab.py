"""The tab "Fine-tune": choose, see what it will take, start, and watch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.data.formats import FORMATS
from qlora_core.errors import QLoRAError
from qlora_core.server.services import Services
from qlora_core.ui import words as text
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.train.form import FIELD_NAMES, FIELDS, SECTIONS, preset_values
from qlora_core.ui.train.live_view import live_chart
from qlora_core.ui.train.submission import OWN_FILE, chosen_config, expectation, started_words, submit_run

FIRST_PRESET = "quick"


@dataclass(frozen=True)
class Form:
    """The controls of the tab's left side."""

    base_model: gr.Dropdown
    dataset: gr.Dropdown
    own_file: gr.File
    preset: gr.Radio
    start: gr.Button
    message: gr.Markdown
    expected: gr.Markdown
    measure: gr.Button
    settings: list[gr.components.Component]  #: in the order of ``FIELDS``

    @property
    def chosen(self) -> list[gr.components.Component]:
        """Everything that decides what a run will be."""
        return [self.base_model, self.dataset, self.own_file, *self.settings]


def train_tab(services: Services) -> Form:
    """Build the tab inside the current ``gr.Tab``."""
    with gr.Row(equal_height=False, elem_classes="train-row"):
        with gr.Column(scale=1, min_width=300, elem_classes="train-form"):
            form = _form()
        with gr.Column(scale=3, min_width=320):
            live_chart(services)
    _wire_start(services, form)
    _wire_expectation(services, form)
    return form


def _form() -> Form:
    base_model = gr.Dropdown(
        choices=_choices(text.BASE_MODELS),
        value="minilm",
        label="Base model",
        info="The pretrained encoder; it stays frozen.",
    )
    dataset = gr.Dropdown(
        choices=_choices(text.DATASETS), value="pairs", label="Sentence pairs", info="What it learns from."
    )
    own_file = gr.File(
        label="CSV, TSV, JSONL, parquet: sentence1, sentence2, label. Everybody who uses this page may see it.",
        file_types=list(FORMATS),
        type="filepath",
        visible=False,
        height=140,
    )
    preset = gr.Radio(
        choices=_choices(text.PRESETS),
        value=FIRST_PRESET,
        label="Preset",
        info=text.PRESETS_HELP,
    )
    start = gr.Button("Start", variant="primary", size="lg", elem_id="start")
    message = gr.Markdown(text.START_HELP, elem_classes="form-message")
    expected = gr.Markdown(elem_classes="form-expected")
    measure = gr.Button("Measure time and memory first", size="sm")
    with gr.Accordion("Advanced: every setting", open=False):
        settings = _settings()
    with gr.Accordion("How it works", open=False):
        gr.Markdown(text.HOW_IT_WORKS)
    return Form(base_model, dataset, own_file, preset, start, message, expected, measure, settings)


def _choices(words: dict[str, str]) -> list[tuple[str, str]]:
    return [(label, name) for name, label in words.items()]


def _settings() -> list[gr.components.Component]:
    """The control of every field, laid out by section, returned in the order of ``FIELDS``."""
    made: dict[str, gr.components.Component] = {}
    values = dict(zip(FIELD_NAMES, preset_values(FIRST_PRESET), strict=True))
    for section in SECTIONS:
        gr.Markdown(f"### {section}")
        for item in FIELDS:
            if item.section == section:
                made[item.name] = item.control(values[item.name])
    return [made[name] for name in FIELD_NAMES]


def _wire_start(services: Services, form: Form) -> None:
    started, secret = gr.Textbox(visible=False), gr.Textbox(visible=False)

    def submit(secret: str, base_model: str, dataset: str, own_file: str | None, *values: object) -> tuple[Any, str]:
        """Check what was chosen and put a run into the queue."""
        try:
            run = submit_run(services, chosen_config(services, base_model, dataset, own_file, list(values)), secret)
        except QLoRAError as error:
            return gr.skip(), f"**That cannot be started.** {error}"
        return run.id, started_words(services, run.id)

    submitted = form.start.click(
        submit,
        [secret, *form.chosen],
        [started, form.message],
        js="(_, ...chosen) => [window.qloraSecret(), ...chosen]",
        show_progress="minimal",
        show_progress_on=form.message,
        trigger_mode="once",
        concurrency_limit=None,
        **PRIVATE,
    )
    submitted.then(None, started, None, js="(run) => { window.qloraFollow(run); }", **PRIVATE)


def _wire_expectation(services: Services, form: Form) -> None:
    def expect(base_model: str, dataset: str, own_file: str | None, *values: object) -> str:
        """What a run with these settings trains, without measuring anything."""
        return _described(services, base_model, dataset, own_file, values, measured=False)

    def calibrate(base_model: str, dataset: str, own_file: str | None, *values: object) -> str:
        """Measure a few batches here and say what the whole run will take."""
        return _described(services, base_model, dataset, own_file, values, measured=True)

    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    form.preset.change(preset_values, form.preset, form.settings, **quietly)
    form.dataset.change(lambda name: gr.update(visible=name == OWN_FILE), form.dataset, form.own_file, **quietly)
    gr.on(
        [control.change for control in form.chosen if hasattr(control, "change")],
        expect,
        form.chosen,
        form.expected,
        trigger_mode="always_last",
        **quietly,
    )
    form.measure.click(calibrate, form.chosen, form.expected, trigger_mode="once", concurrency_limit=2, **PRIVATE)


def _described(
    services: Services,
    base_model: str,
    dataset: str,
    own_file: str | None,
    values: tuple[object, ...],
    *,
    measured: bool,
) -> str:
    try:
        config = chosen_config(services, base_model, dataset, own_file, list(values))
        if measured:
            services.estimates.measure(config)
        return expectation(services, config)
    except QLoRAError as error:
        return f"**That cannot be started.** {error}"


def first_expectation(services: Services) -> Callable[[], str]:
    """A handler that says what a run with the form's first settings trains."""
    values = tuple(preset_values(FIRST_PRESET))
    return lambda: _described(services, "minilm", "pairs", None, values, measured=False)


def labelled_choices(services: Services) -> Callable[[], tuple[Any, Any]]:
    """A handler that gives the base models and datasets again, saying of each that cannot work here why."""

    def label(kind: str, words: dict[str, str]) -> list[tuple[str, str]]:
        reasons = {name: services.availability.reason(kind, name) for name in words}
        return [(f"{label}. {reasons[name]}" if reasons[name] else label, name) for name, label in words.items()]

    def handler() -> tuple[Any, Any]:
        services.availability.wait(30)
        return (
            gr.update(choices=label("base_model", text.BASE_MODELS)),
            gr.update(choices=label("dataset", text.DATASETS)),
        )

    return handler
