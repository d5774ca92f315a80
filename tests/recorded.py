"""The runs that come with the program. Importing this module imports no torch."""

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import make_config
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


def recorded_run(preset: str) -> Run:
    """The one that was made with a preset."""
    (run,) = (run for run in RunStore(RECORDED_RUNS).runs() if run.config == make_config(preset))
    return run
