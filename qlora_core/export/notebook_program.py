"""Write a run's notebook, asked for by a page: see ``server.processes.apart``."""

from pathlib import Path

from qlora_core.export.notebook import export_notebook
from qlora_core.server.processes.apart import Listener, Request, answer
from qlora_core.store.run import Run


def work(request: Request, listener: Listener) -> None:
    """Carry out a request of ``notebook_apart.make_notebook``."""
    del listener
    run = Run(Path(request["run"]))
    with run.explaining_damage():
        export_notebook(run, Path(request["file"]))


if __name__ == "__main__":
    answer(work)
