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
from qlora_core.training.start import SHAPE
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.train.form import FIELD_NAMES, to_control
from qlora_core.ui.train.submission import FROM_SCRATCH
from qlora_core.ui.values import Choices, moment
from qlora_core.ui.words import train as words

#: Settings that a chosen run brings along: without them its adapter would not fit, or be scaled.
ADOPTED = (*SHAPE, "lora_alpha", "use_rslora")


@dataclass(frozen=True)
class StartPanel:
    """Its controls."""

    panel: gr.Accordion
    run: gr.Dropdown  #: its id, "" from scratch
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

    While the list itself is open, it stays as it is: Gradio takes an option by its place.

    Args:
        settings: in the order of ``FIELD_NAMES``.
    """

    def offer(run_id: object, base_model: str) -> Any:
        """The runs that may be started from now; the choice stays."""
        return gr.update(choices=offered(services, run_id, base_model))

    def adopt(run_id: object) -> list[Any]:
        """The shape of the chosen run's adapter."""
        return adopted(services, run_id)

    by_name = dict(zip(FIELD_NAMES, settings, strict=True))
    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    gr.on(
        [panel.panel.expand, base_model.change],
        offer,
        [panel.run, base_model],
        panel.run,
        trigger_mode="always_last",
        **quietly,
    )
    panel.run.input(adopt, panel.run, [by_name[name] for name in ADOPTED], **quietly)
    panel.run.change(lambda run_id: gr.update(visible=bool(run_id)), panel.run, panel.classifier, **quietly)


def offered(services: Services, run_id: object, base_model: str) -> Choices:
    """Label and id of the finished runs of a base model, after the choice of none; of the one chosen in any case."""
    runs = [
        run
        for run in services.all_runs()
        if run.id == run_id or (run.config.base_model == base_model and run.has_result and run.has_adapter)
    ]
    own, recorded = ([run for run in runs if services.is_recorded(run) is kind] for kind in (False, True))
    return [
        (_(words.FROM_SCRATCH), FROM_SCRATCH.run),
        *_labelled(own, recorded=False),
        *_labelled(recorded, recorded=True),
    ]


def adopted(services: Services, run_id: object) -> list[Any]:
    """The settings ``ADOPTED`` as the run's adapter has them; left as they are where there is no such run."""
    with suppress(RunError):
        if isinstance(run_id, str) and run_id:
            config = services.run(run_id).config
            return [to_control(getattr(config, name)) for name in ADOPTED]
    return [gr.skip()] * len(ADOPTED)


def _labelled(runs: Sequence[Run], *, recorded: bool) -> Choices:
    choices = []
    for run in runs:
        with suppress(RunError):  # it was deleted this moment, or its result is damaged
            dataset, accuracy = one_line(file_name(run.config.dataset), MAX_NAME), run.from_result(finetuned_accuracy)
            when = moment(run.status.created)
            choices.append((words.start_choice(run.id, dataset, accuracy, when, recorded=recorded), run.id))
    return choices
