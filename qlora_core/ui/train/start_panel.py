"""The part of the tab "Fine-tune" that chooses a run to start from."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.choices import INIT_CLASSIFIERS
from qlora_core.config import SETTINGS
from qlora_core.errors import RunError
from qlora_core.evaluation.scores import finetuned_accuracy
from qlora_core.fields import file_name
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.training.start import ADOPTED, adopted_settings
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.train.form import FIELD_NAMES, to_control
from qlora_core.ui.train.submission import FROM_SCRATCH
from qlora_core.ui.values import Choices, moment
from qlora_core.ui.words import train as words

Shapes = dict[str, list[Any]]


@dataclass(frozen=True)
class StartPanel:
    """Its controls."""

    panel: gr.Accordion
    run: gr.Dropdown  #: its id, "" from scratch
    shapes: gr.JSON  #: hidden: by id, the settings ``ADOPTED`` of the runs that are offered
    classifier: gr.Radio

    @property
    def chosen(self) -> list[gr.components.Component]:
        """In the order of ``StartFrom``."""
        return [self.run, self.classifier]


def start_panel(services: Services) -> StartPanel:
    """Lay the part out: closed, because a first run starts from scratch."""
    run, classifier = SETTINGS["init_from"], SETTINGS["init_classifier"]
    with gr.Accordion(_(words.START_FROM), open=False, elem_id="start-from") as panel:
        return StartPanel(
            panel,
            gr.Dropdown(
                choices=[
                    (_(words.FROM_SCRATCH), FROM_SCRATCH.run),
                    *_labelled(services.recorded.runs(), recorded=True),
                ],
                value=FROM_SCRATCH.run,
                label=run.label,
                info=f"{run.help} {_(words.SHAPE_FOLLOWS)}",
            ),
            gr.JSON(shapes_of(services.recorded.runs()), visible=False),
            gr.Radio(
                choices=[(choice.label, choice.name) for choice in INIT_CLASSIFIERS.values()],
                value=FROM_SCRATCH.classifier,
                label=classifier.label,
                info=classifier.help,
                visible=False,
            ),
        )


def wire_start(
    services: Services, panel: StartPanel, base_model: gr.Dropdown, settings: Sequence[gr.components.Component]
) -> None:
    """Offer the runs of the base model when the part is opened; the one that is chosen sets the adapter's shape.

    While the list itself is open, it stays as it is: Gradio takes an option by its place. The shape is filled in by the
    browser, so that nothing that is typed meanwhile is overwritten by a late answer.

    Args:
        settings: in the order of ``FIELD_NAMES``.
    """

    def offer(run_id: object, base_model: str) -> tuple[Any, Shapes]:
        """The runs that may be started from now, and their shapes; the choice stays."""
        runs = offered(services, run_id, base_model)
        return gr.update(choices=choices_of(services, runs)), shapes_of(runs)

    by_name = dict(zip(FIELD_NAMES, settings, strict=True))
    shape = [by_name[name] for name in ADOPTED]
    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    gr.on(
        [panel.panel.expand, base_model.change],
        offer,
        [panel.run, base_model],
        [panel.run, panel.shapes],
        trigger_mode="always_last",
        **quietly,
    )
    panel.run.input(
        None,
        [panel.run, panel.shapes, *shape],
        shape,
        js="(run, shapes, ...values) => shapes[run] ?? values",
        **quietly,
    )
    panel.run.change(lambda run_id: gr.update(visible=bool(run_id)), panel.run, panel.classifier, **quietly)


def offered(services: Services, run_id: object, base_model: str) -> list[Run]:
    """The finished runs of a base model, and the one that is chosen in any case."""
    return [
        run
        for run in services.all_runs()
        if run.id == run_id or (run.config.base_model == base_model and run.has_result and run.has_adapter)
    ]


def choices_of(services: Services, runs: Sequence[Run]) -> Choices:
    """Label and id of these runs, those that came with the program last, after the choice of none."""
    own, recorded = ([run for run in runs if services.is_recorded(run) is kind] for kind in (False, True))
    return [
        (_(words.FROM_SCRATCH), FROM_SCRATCH.run),
        *_labelled(own, recorded=False),
        *_labelled(recorded, recorded=True),
    ]


def shapes_of(runs: Sequence[Run]) -> Shapes:
    """The settings ``ADOPTED`` as each run's adapter has them."""
    return {run.id: [to_control(value) for value in adopted_settings(run).values()] for run in runs}


def _labelled(runs: Sequence[Run], *, recorded: bool) -> Choices:
    choices = []
    for run in runs:
        with suppress(RunError):  # it was deleted this moment, or its result is damaged
            dataset, accuracy = one_line(file_name(run.config.dataset), MAX_NAME), run.from_result(finetuned_accuracy)
            when = moment(run.status.created)
            choices.append((words.start_choice(run.id, dataset, accuracy, when, recorded=recorded), run.id))
    return choices
