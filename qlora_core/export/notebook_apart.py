"""A run's notebook, made in a process of its own: it holds the engine's code, which only the engine itself can give."""

from pathlib import Path

from qlora_core.language import N_
from qlora_core.server.processes import apart
from qlora_core.server.processes.apart import Ends
from qlora_core.server.processes.forking import ForkServer
from qlora_core.store.run import Run

PROGRAM = "qlora_core.export.notebook_program"
MAX_SECONDS = 120.0
NOT_MADE = N_("The notebook could not be made; the server's log says why. Try again in a minute.")
ENDS = Ends(NOT_MADE, NOT_MADE, NOT_MADE)


def make_notebook(run: Run, path: Path, fork_server: ForkServer | None = None) -> None:
    """Write ``run`` to ``path``, see ``notebook.export_notebook``.

    Raises:
        RunError: the run has no result yet, or it is damaged.
        StorageError: the file cannot be written.
        RunFailure: the process ended before it was done, or takes too long.
    """
    request = {"run": str(run.path.resolve()), "file": str(path.resolve())}
    apart.ask(PROGRAM, request, seconds=MAX_SECONDS, ends=ENDS, fork_server=fork_server)
