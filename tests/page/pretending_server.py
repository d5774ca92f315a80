"""The page's server, started as ``python -m tests.page.pretending_server``: app.py, whose runs only pretend.

So do the measuring of what a run will cost, and the doctor, who finds that everything works. All else is the product's
own.
"""

import os
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import app
from qlora_core.child_process import module_command
from qlora_core.choices import SCHEMES
from qlora_core.config import RunConfig
from qlora_core.server import estimates
from qlora_core.server.availability import Availability
from qlora_core.server.findings import Code, Examination, Finding
from qlora_core.server.processes import worker
from qlora_core.server.processes.forking import ForkServer
from qlora_core.settings import read_settings
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.page.pretended_run import hold


def pretend_to_run(run: Run) -> list[str]:
    """The command line of the process that pretends to carry out ``run``."""
    return module_command("tests.page.pretended_run", str(run.path.resolve()))


def pretend_to_measure(config: RunConfig, **_: Any) -> dict[str, Any]:
    """An ``Estimate`` as the measuring process prints it."""
    return {
        "seconds": (40.0, 90.0),
        "baselines_seconds": (5.0, 10.0),
        "memory_bytes": (1_200_000_000, 1_500_000_000),
        "memory_kind": "memory",
        "examples_per_second": 50.0,
        "steps": 75 * config.num_train_epochs,
        "device_name": "a pretended processor",
        "threads": 1,
        "measured_at": 1_800_000_000.0,
    }


def pretend_to_examine(availability: Availability) -> Examination:
    """What the doctor says of a machine that has everything, once the file hold-doctor beside the store is gone."""
    del availability
    while hold(RunStore(read_settings().runs_dir or Path()), "doctor").exists():
        time.sleep(0.01)
    findings = [Finding(kind="quantization", name=name, code=Code.WORKS) for name in SCHEMES]
    return Examination({"device": os.environ.get("PRETENDED_DEVICE", "cpu")}, findings)


if __name__ == "__main__":
    with (
        patch.object(ForkServer, "start", lambda _: None),  # it would fork real runs
        patch.object(worker, "worker_command", pretend_to_run),
        patch.object(estimates, "measure_cost", pretend_to_measure),
        patch.object(Availability, "_ask_doctor", pretend_to_examine),
    ):
        app.main()
