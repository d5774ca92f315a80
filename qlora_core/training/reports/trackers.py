"""What people watch their trainings with, told what a run tells its listener: TensorBoard, Trackio, Weights & Biases.

Each is a package that this program does without. One that fails is switched off for the rest of the run, with a
sentence in the log: it never ends a run.
"""

import importlib.util
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from accelerate.tracking import GeneralTracker, TensorBoardTracker, TrackioTracker, WandBTracker

from qlora_core.choices import TRACKERS
from qlora_core.errors import RunError
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import Result, recorded_scores
from qlora_core.fields import without_folders
from qlora_core.store.directory import TENSORBOARD
from qlora_core.store.run import Run
from qlora_core.training.reports.reporter import Listener

log = logging.getLogger(__name__)

PROJECT = "qlora-bert"
#: Of a step, what is drawn, and what it is called.
STEP_VALUES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "examples_per_second": "train/examples_per_second",
    "epoch": "train/epoch",
}
#: For Weights & Biases, which would send of its own accord what is printed, the command, its folder, the machine and
#: its packages.
NOTHING_ELSE = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "host": "-",
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
MAKERS: dict[str, Callable[[Run], GeneralTracker]] = {
    "tensorboard": lambda run: TensorBoardTracker(TENSORBOARD, logging_dir=run.path),
    "trackio": lambda run: TrackioTracker(
        PROJECT, name=run.id, resume="allow", embed=False, auto_log_cpu=False, auto_log_gpu=False
    ),
    "wandb": lambda run: WandBTracker(PROJECT, name=run.id, id=run.id, resume="allow", settings=NOTHING_ELSE),
}


class Trackers:
    """A listener that tells trackers what it hears, and passes it on to the one who listened before."""

    def __init__(self, run: Run, names: Sequence[str], listener: Listener) -> None:
        self._run, self._listener = run, listener
        self._trackers: list[GeneralTracker] = []
        for name in names:
            if importlib.util.find_spec(name) is None:
                log.warning("%s is not installed, and is told nothing of run %s.", TRACKERS[name].label, run.id)
                continue
            self._trackers.append(MAKERS[name](run))
        self._each(lambda tracker: tracker.start())
        self._each(lambda tracker: tracker.store_init_configuration(_settings(run)))

    def __call__(self, kind: str, fields: dict[str, Any]) -> None:
        """What a run tells, see ``Reporter``."""
        self._listener(kind, fields)
        if kind == "step":
            values = {name: fields[key] for key, name in STEP_VALUES.items() if fields.get(key) is not None}
            self._log(values, fields["step"])
        elif kind == "evaluation":
            self._log(_scores("eval", fields), fields["step"])
        elif kind == "baseline":
            self._log(_scores(f"baseline/{fields['name']}", fields), 0)

    def close(self) -> None:
        """The run has ended, however it did; what it came to is told as well."""
        if not self._trackers:
            return
        with suppress(RunError):  # there is no result, or it is damaged
            self._log(self._run.from_result(_outcome), self._run.status.total_steps)
        self._each(lambda tracker: tracker.finish())
        self._trackers.clear()

    def _log(self, values: dict[str, float], step: int) -> None:
        self._each(lambda tracker: tracker.log(values, step=step))

    def _each(self, tell: Callable[[GeneralTracker], object]) -> None:
        for tracker in list(self._trackers):
            try:
                tell(tracker)
            except Exception as error:  # noqa: BLE001 (somebody else's program may raise whatever it likes)
                self._trackers.remove(tracker)
                log.warning("%s failed and is told no more of run %s: %s", tracker.name, self._run.id, error)


def _outcome(result: Result) -> dict[str, float]:
    """Every answerer's scores in a result."""
    return {
        f"final/{answerer}/{name}": value
        for answerer, scores in recorded_scores(result).items()
        for name in METRICS
        if (value := scores.value(name)) is not None
    }


def _scores(where: str, fields: dict[str, Any]) -> dict[str, float]:
    return {f"{where}/{name}": fields[name] for name in METRICS if fields.get(name) is not None}


def _settings(run: Run) -> dict[str, Any]:
    """The run's settings as trackers take them: numbers and texts; of paths the last part."""
    values = without_folders(run.config.model_dump(mode="json"))
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in values.items()}
