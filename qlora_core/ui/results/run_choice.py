"""Which runs the tab "Results" offers, by which names, and the check of those that a visitor asks for."""

from contextlib import suppress

from qlora_core.errors import RunError
from qlora_core.evaluation.scores import finetuned_accuracy
from qlora_core.fields import file_name
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.store.packed.mark import is_brought
from qlora_core.store.run import Run
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.values import Choices, moment
from qlora_core.ui.words import finished as words

MAX_RUNS = 4


def short_label(run: Run) -> str:
    """What a run is called in a figure with several: its model, or what it started from where it did."""
    start = run.config.init_from
    return words.started_label(run.id, start) if start else f"{run.id[-4:]} {file_name(run.config.base_model)}"


def origin_of(services: Services, run: Run) -> str:
    """In a word, where a run comes from that this server did not carry out; "" for those that it did."""
    if services.is_recorded(run):
        return _(words.RECORDED)
    return _(words.BROUGHT) if is_brought(run) else ""


def long_label(run: Run, origin: str) -> str:
    """What a run is called where it is chosen; damage is said, not hidden."""
    try:
        outcome = words.accuracy(run.from_result(finetuned_accuracy))
    except RunError:
        outcome = _(words.RESULT_DAMAGED)
    config = run.config
    outcome = words.started_outcome(outcome, config.init_from) if config.init_from else outcome
    model, pairs, when = file_name(config.base_model), file_name(config.dataset), moment(run.status.created)
    return words.run_choice(one_line(model, MAX_NAME), one_line(pairs, MAX_NAME), outcome, when, run.id, origin)


def finished_choices(services: Services) -> Choices:
    """Label and id of every run that has a result."""
    choices = []
    for run in services.all_runs():
        if run.has_result:
            with suppress(RunError):  # it was deleted this moment
                choices.append((long_label(run, origin_of(services, run)), run.id))
    return choices


def all_choices(services: Services) -> Choices:
    """Label and id of every run, whatever became of it."""
    choices = []
    for run in services.all_runs():
        with suppress(RunError):
            choices.append((f"{run.id}, {run.status.state}", run.id))
    return choices


def checked_runs(services: Services, run_ids: object) -> list[Run]:
    """The runs that a visitor asks for.

    Raises:
        RunError: none or too many are named, or there is no run of that name.
    """
    if not isinstance(run_ids, list) or not all(isinstance(run_id, str) for run_id in run_ids):
        raise RunError(_(words.NO_RUNS_NAMED))
    names = list(dict.fromkeys(run_ids))
    if not names:
        raise RunError(_(words.NO_RUN_CHOSEN))
    if len(names) > MAX_RUNS:
        raise RunError(words.too_many(MAX_RUNS))
    return [services.run(name) for name in names]


def start_of(services: Services, run: Run) -> Run | None:
    """The run that ``run`` started from, as long as it is there and has a result."""
    if run.config.init_from is not None:
        with suppress(RunError):
            start = services.run(run.config.init_from)
            return start if start.has_result else None
    return None


def run_to_open(services: Services, wanted: object, chosen: object) -> list[str]:
    """The runs to show when the tab is opened: those asked for, else those on show, else the newest finished one."""
    ids = [run_id for _, run_id in finished_choices(services)]
    asked_for = [run_id for run_id in str(wanted).split(",", MAX_RUNS)[:MAX_RUNS] if run_id in ids]
    if asked_for:
        return asked_for
    kept = [run_id for run_id in chosen if run_id in ids] if isinstance(chosen, list) else []
    return kept[:MAX_RUNS] or ids[:1]
