"""A page's process that does what visitors ask of it: python -m tests.ui.page_process FOLDER.

After each step it prints which of the heavy libraries it has imported. Runs, the doctor and what measures only pretend:
they are processes of their own, whatever they do.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch
from urllib.request import urlopen

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import make_config
from qlora_core.export.notebook_apart import make_notebook
from qlora_core.server import estimates
from qlora_core.server.availability import Availability
from qlora_core.server.processes import worker
from qlora_core.server.services import Services, make_services
from qlora_core.settings import Settings
from qlora_core.store.run import Run
from qlora_core.ui.build import build_app, launch_options
from qlora_core.ui.compare.answers import compare_pair
from qlora_core.ui.compare.sides import Sides
from qlora_core.ui.compare.tokens import explain, token_rows
from qlora_core.ui.results.downloads import write_numbers, write_zip
from qlora_core.ui.results.flips_panel import shown_flips
from qlora_core.ui.results.history_panel import delete_runs
from qlora_core.ui.train.submission import submit_run
from tests.page.pretending_server import pretend_to_examine, pretend_to_measure, pretend_to_run

HEAVY = ("torch", "transformers", "peft", "datasets", "sklearn", "captum", "bitsandbytes", "accelerate")
PAIR = ("The pool opens at six.", "The pool closes at six.")


def steps(services: Services, run: Run, folder: Path) -> dict[str, Callable[[], object]]:
    """What is done, by name; ``run`` is a finished one."""

    def serve() -> None:
        page = build_app(services)
        options = launch_options(Settings(), services) | {"prevent_thread_lock": True, "quiet": True}
        page.launch(server_name="127.0.0.1", **options)
        urlopen(str(page.local_url)).read()

    def look_around() -> None:
        services.availability.start()
        services.availability.wait(60)

    def train() -> None:
        services.fork_server.start()  # loads the libraries, from which the process that answers is forked
        started = submit_run(services, make_config(max_train_samples=64, max_eval_samples=16), "mine")
        while started.status.is_going_on:
            services.feeds.of(started.id)
            time.sleep(0.05)

    def flips() -> None:
        said = shown_flips(services, [run.id], "linear_probe", "", "", "change", "")[0]
        assert said.startswith("Fine-tuning fixed"), said

    return {
        "serve": serve,
        "doctor": look_around,
        "estimate": lambda: services.estimates.measure(make_config()),
        "run": train,
        "compare": lambda: compare_pair(services, run.id, *PAIR),
        "tokens": lambda: token_rows(explain(services, Sides(None, run), PAIR)),
        "flips": flips,
        "zip": lambda: write_zip(run, folder / "run.zip"),
        "notebook": lambda: make_notebook(run, folder / "run.ipynb", services.fork_server),
        "numbers": lambda: write_numbers(run, folder / "run.csv"),
        "delete": lambda: delete_runs(services, "mine", [one.id for one in services.store.runs()]),
    }


def main(folder: Path) -> None:
    """Do everything, and end."""
    services = make_services(folder / "runs", RECORDED_RUNS, "the-owner-of-this-server")
    run = services.recorded_run()
    assert run is not None
    services.open()
    services.queue.start()
    for name, step in steps(services, run, folder).items():
        step()
        print(json.dumps([name, [library for library in HEAVY if library in sys.modules]]), flush=True)
    services.close()


if __name__ == "__main__":
    with (
        patch.object(worker, "worker_command", pretend_to_run),
        patch.object(worker, "RUN_PROCESS", "tests.page.pretended_run"),
        patch.object(estimates, "measure_cost", pretend_to_measure),
        patch.object(Availability, "_ask_doctor", pretend_to_examine),
    ):
        main(Path(sys.argv[1]))
