"""Answer a run's validation pairs again, from its saved files alone.

python -m qlora_core.training.verify RUN_DIRECTORY LOGITS.npy does so in a fresh process, prints "done total" as it
goes, and writes the logits.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from qlora_core.child_process import child_environment, end_with_parent, module_command
from qlora_core.errors import RunFailure
from qlora_core.language import N_
from qlora_core.models.inference import Progress
from qlora_core.models.reloaded import reload_finetuned, reload_tokenizer
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.setup import Setup

#: Variables by which ``accelerate launch`` tells a process that it is one of several.
LAUNCHER_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def answer_from_files(run: Run, progress: Progress | None = None) -> np.ndarray:
    """Validation logits of the saved adapter, shape (n, 2), from nothing but the run's files.

    Raises:
        ModelError, HubError: the base model is not to be had on this machine.
    """
    setup = Setup.load(run.config, tokenizer=reload_tokenizer(run))
    return setup.answer(reload_finetuned(run, setup.models), progress=progress)


def answer_in_fresh_process(run: Run, progress: Progress) -> np.ndarray:
    """The same, by a new Python process, which can have nothing from the training but what was saved.

    Raises:
        RunFailure: that process failed.
    """
    environment = child_environment(OMP_NUM_THREADS=str(torch.get_num_threads()))
    environment = {name: value for name, value in environment.items() if name not in LAUNCHER_VARIABLES}
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "logits.npy", Path(folder) / "errors.txt"
        command = module_command("qlora_core.training.verify", str(run.path.resolve()), str(output))
        with (
            errors.open("w", encoding="utf-8") as stderr,
            subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            ) as process,
        ):
            try:
                for line in process.stdout or ():
                    done, total = line.split()
                    progress(int(done), int(total))
            except KeyboardInterrupt:
                process.kill()
                process.wait()
                raise
        if process.returncode != 0:
            reason = (errors.read_text(encoding="utf-8").strip().splitlines() or [f"exit {process.returncode}"])[-1]
            raise RunFailure(
                N_("The adapter was saved, but a fresh process could not reload it: {reason}"), reason=reason[:300]
            )
        return np.load(output, allow_pickle=False)


def main(run_directory: str, output: str) -> None:
    """Write the reloaded model's validation logits, shape (n, 2), to ``output``."""
    path = Path(run_directory)
    np.save(output, answer_from_files(RunStore(path.parent).open(path.name), _print_progress), allow_pickle=False)


def _print_progress(done: int, total: int) -> None:
    print(done, total, flush=True)


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1], sys.argv[2])
