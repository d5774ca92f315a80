"""A run process that pretends: it obeys as a real one does, tells what the recorded run told, and imports no torch.

python -m tests.page.pretended_run RUN_DIRECTORY takes milliseconds a step. While the file hold-PHASE lies beside the
store it stays in that phase, in "training" after a few steps, so that a test need not be quicker than the run.
"""

import itertools
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.recorded import recorded_run

STEPS_AN_EPOCH = 10
STEPS_BEFORE_HOLD = 5
TICK_SECONDS = 0.01


class Stopped(Exception):
    """A stop was asked for before anything was learned."""


def hold(store: RunStore, phase: str) -> Path:
    """The file that keeps the runs of ``store`` in a phase."""
    return store.folder.parent / f"hold-{phase}"


class PretendedRun:
    """One run, from loading to its result, which is the recorded run's."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.store = RunStore(run.path.parent)
        self.recorded = recorded_run("standard")
        self.told: dict[str, list[dict[str, Any]]] = {}
        for event in self.recorded.events():
            self.told.setdefault(event["kind"], []).append(event)
        self.epochs = run.config.num_train_epochs
        self.total_steps = STEPS_AN_EPOCH * self.epochs

    def carry_out(self) -> None:
        """All phases, or those up to a stop."""
        self.run.write_environment(self.recorded.environment)
        self.phase("loading")
        self.run.set_status(total_steps=self.total_steps)
        self.repeat(self.told["watched_pairs"][0])
        self.phase("baselines")
        for event in self.told["baseline"]:
            self.repeat(event)
        self.phase("training")
        steps = self.train()
        self.phase("saving")
        self.phase("verifying")
        self.finish(stopped=steps < self.total_steps)

    def phase(self, name: str) -> None:
        """A phase begins, and lasts while it is held."""
        message = next(event["message"] for event in self.told["phase"] if event["phase"] == name)
        self.run.set_status(state="running", phase=name, message=message)
        self.run.append_event("phase", phase=name, message=message)
        if name != "training":
            while self.obey(name) == "run" and hold(self.store, name).exists():
                time.sleep(TICK_SECONDS)

    def train(self) -> int:
        """Take every step, or those up to a stop; returns how many that were."""
        first = json.loads(self.run.checkpoint_path.read_text()) if self.run.checkpoint_path.exists() else 0
        if first:
            self.run.append_event("resumed", step=first)
        looks, scores = itertools.cycle(self.told["watched"]), itertools.cycle(self.told["evaluation"])
        for step in range(first + 1, self.total_steps + 1):
            self.repeat(self.told["step"][step - 1], step=step, total_steps=self.total_steps)
            self.repeat(next(looks), step=step)
            self.run.set_status(step=step, total_steps=self.total_steps, progress=step / self.total_steps)
            if step % STEPS_AN_EPOCH == 0:
                self.run.append_event("evaluating", step=step)
                self.repeat(next(scores), step=step, epoch=step / STEPS_AN_EPOCH)
                self.save_checkpoint(step)
            while self.obey("training", step) == "run" and self.is_held(step):
                time.sleep(TICK_SECONDS)
            if self.run.requested() == "stop":
                return step
            time.sleep(TICK_SECONDS)
        return self.total_steps

    def is_held(self, step: int) -> bool:
        """Whether training is to stay where it is."""
        return step >= STEPS_BEFORE_HOLD and hold(self.store, "training").exists()

    def obey(self, phase: str, step: int = 0) -> str:
        """Wait out a pause; end at a stop before training; returns what is asked for now."""
        if self.run.requested() == "pause":
            before = self.run.status
            self.save_checkpoint(step)
            self.run.append_event("paused", step=step, paused=True)
            self.run.set_status(state="paused", message="Paused")
            while self.run.requested() == "pause":
                time.sleep(TICK_SECONDS)
            self.run.append_event("paused", step=step, paused=False)
            self.run.set_status(state="running", message=before.message)
        if self.run.requested() == "stop" and phase in ("loading", "baselines"):
            raise Stopped
        return self.run.requested()

    def save_checkpoint(self, step: int) -> None:
        """The step to go on from."""
        if step:
            self.run.checkpoint_path.parent.mkdir(exist_ok=True)
            self.run.checkpoint_path.write_text(json.dumps(step))

    def finish(self, *, stopped: bool) -> None:
        """Leave what the recorded run left."""
        shutil.copytree(self.recorded.adapter_dir, self.run.adapter_dir)
        for name in (self.recorded.heads_path.name, "predictions.parquet"):
            shutil.copy(self.recorded.path / name, self.run.path / name)
        message = "Stopped early; what was learned is kept" if stopped else "Finished"
        result = {**(self.recorded.result or {}), "run_id": self.run.id, "stopped_early": stopped}
        self.run.append_event("phase", phase="done", message=message)
        self.run.finish(result, state="stopped" if stopped else "finished", message=message)

    def repeat(self, event: dict[str, Any], **changes: object) -> None:
        """Tell what the recorded run told, changed."""
        fields = {name: value for name, value in event.items() if name not in ("seq", "time", "kind")}
        self.run.append_event(event["kind"], **(fields | changes))


def main(run_directory: str) -> None:
    """Pretend to carry out the run in ``run_directory``, and write into its status how it ended."""
    path = Path(run_directory)
    run = RunStore(path.parent).open(path.name)
    run.claim()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        PretendedRun(run).carry_out()
    except Stopped:
        run.set_status(state="stopped", message="Stopped before training began; nothing was learned yet.")
    except KeyboardInterrupt:
        run.set_status(state="interrupted", message=f"Interrupted. Go on from the last checkpoint with {run.id}.")
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    main(sys.argv[1])
