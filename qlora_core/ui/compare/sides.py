"""Who the tab "Compare" can ask: every run that has weights, and the base model under one."""

from contextlib import suppress
from dataclasses import dataclass

from qlora_core.data.typed_pairs import check_scale
from qlora_core.errors import RunError
from qlora_core.evaluation.scores import finetuned_accuracy
from qlora_core.fields import file_name
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.values import Choices, moment
from qlora_core.ui.words import compare as words

BASE = "base"


@dataclass(frozen=True)
class Sides:
    """The two that are compared; no first run means the base model of the second."""

    first: Run | None
    second: Run
    scale: float = 1.0  #: how much of the second run's adapter answers

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called."""
        if self.first is None:
            return _(words.BASE_MODEL), words.adapter_name(self.second.id, self.scale)
        return words.run_name(self.first.id), words.run_name(self.second.id, self.scale)


def second_choices(services: Services) -> Choices:
    """Label and id of every run that can be asked: finished ones, recorded ones, then those with a checkpoint."""
    runs = [run for run in services.all_runs() if run.has_weights]
    finished = [run for run in runs if _is_finished(run)]
    others = [run for run in runs if not _is_finished(run)]
    choices = []
    for run in finished + others:
        with suppress(RunError):  # it was deleted this moment
            choices.append((_label(services, run), run.id))
    return choices


def first_choices(second: Choices) -> Choices:
    """The base model, then every run."""
    return [(_(words.BASE_CHOICE), BASE), *second]


def check_sides(services: Services, first: object, second: object, scale: object) -> Sides:
    """Who a visitor wants to compare.

    Raises:
        RunError: no run is chosen, or there is none of that name.
        DataError: the scale is not one.
    """
    return Sides(None if first == BASE else check_run(services, first), check_run(services, second), check_scale(scale))


def check_run(services: Services, run_id: object) -> Run:
    """A run that a visitor asks for.

    Raises:
        RunError: none is chosen, or there is none of that name.
    """
    if not isinstance(run_id, str) or not run_id:
        raise RunError(_(words.NO_RUN_CHOSEN))
    return services.run(run_id)


def run_or_newest(services: Services, run_id: str) -> Run:
    """The run of that id; "" is the newest finished one, else the recorded one.

    Raises:
        RunError: there is no run of that name, or none at all.
    """
    return check_run(services, run_id or next((known for _, known in second_choices(services)), ""))


def _is_finished(run: Run) -> bool:
    return run.has_adapter and run.has_result


def _label(services: Services, run: Run) -> str:
    config, status = run.config, run.status
    return words.run_choice(
        run.id,
        one_line(file_name(config.base_model), MAX_NAME),
        one_line(file_name(config.dataset), MAX_NAME),
        _outcome(run, status.state),
        services.is_recorded(run),
        moment(status.created),
    )


def _outcome(run: Run, state: str) -> str:
    if not _is_finished(run):
        return _(words.TRAINING_NOW) if state == "running" else words.checkpoint_of(state)
    try:
        return words.accuracy(run.from_result(finetuned_accuracy))
    except RunError:
        return _(words.RESULT_DAMAGED)
