"""The part of the tab "Fine-tune" that chooses a run to start from."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.choices import INIT_CLASSIFIERS
from qlora_core.config import SETTINGS, RunConfig, file_name
from qlora_core.errors import QLoRAError, RunError
from qlora_core.evaluation.scores import finetuned_accuracy
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.training.start import SHAPE, check_fit
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.train.form import FIELD_NAMES, config_from
from qlora_core.ui.train.submission import FROM_SCRATCH
from qlora_core.ui.values import Choices, moment
from qlora_core.ui.words import train as words


@dataclass(frozen=True)
class StartPanel:
    """Its controls."""

    run: gr.Dropdown  #: its id, "" from scratch
    classifier: gr.Radio

    @property
    def chosen(self) -> list[gr.components.Component]:
        """In the order of ``StartFrom``."""
        return [self.run, self.classifier]


def start_panel(services: Services) -> StartPanel:
    """Lay the part out: closed, because a first run starts from scratch."""
    run, classifier = SETTINGS["init_from"], SETTINGS["init_classifier"]
    with gr.Accordion(words.START_FROM, open=False, elem_id="start-from"):
        return StartPanel(
            gr.Dropdown(
                choices=[words.FROM_SCRATCH, *_labelled(services.recorded.runs(), recorded=True)],
                value=FROM_SCRATCH.run,
                label=run.label,
                info=run.help,
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
    """Offer the runs that fit whenever the list is opened, and when another adapter is asked for.

    Args:
        settings: in the order of ``FIELD_NAMES``.
    """

    def offer(run_id: object, base_model: str, *values: object) -> Any:
        """The runs that fit what is chosen now; the choice stays."""
        return gr.update(choices=offered(services, run_id, base_model, list(values)))

    by_name: dict[str, Any] = dict(zip(FIELD_NAMES, settings, strict=True))
    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    gr.on(
        [panel.run.focus, base_model.change, *(by_name[name].change for name in SHAPE)],
        offer,
        [panel.run, base_model, *settings],
        panel.run,
        trigger_mode="always_last",
        **quietly,
    )
    panel.run.change(lambda run_id: gr.update(visible=bool(run_id)), panel.run, panel.classifier, **quietly)


def offered(services: Services, run_id: object, base_model: str, values: list[object]) -> Choices:
    """Label and id of the finished runs that fit, after the choice of none; of the one chosen in any case."""
    try:
        config = config_from(base_model, SETTINGS["dataset"].default, values)
    except QLoRAError:  # it is said elsewhere what is wrong
        fitting = []
    else:
        fitting = [run for run in services.all_runs() if _fits(config, run)]
    with suppress(RunError):
        if isinstance(run_id, str) and run_id and run_id not in [run.id for run in fitting]:
            fitting.append(services.run(run_id))
    own, recorded = ([run for run in fitting if services.is_recorded(run) is kind] for kind in (False, True))
    return [words.FROM_SCRATCH, *_labelled(own, recorded=False), *_labelled(recorded, recorded=True)]


def _fits(config: RunConfig, run: Run) -> bool:
    try:
        check_fit(config, run)
    except QLoRAError:
        return False
    return True


def _labelled(runs: Sequence[Run], *, recorded: bool) -> Choices:
    choices = []
    for run in runs:
        with suppress(RunError):  # it was deleted this moment, or its result is damaged
            dataset, accuracy = one_line(file_name(run.config.dataset), MAX_NAME), run.from_result(finetuned_accuracy)
            when = moment(run.status.created)
            choices.append((words.start_choice(run.id, dataset, accuracy, when, recorded=recorded), run.id))
    return choices
