"""A run's notebook, made in a process of its own: it holds the engine's code, which only the engine itself can give."""

import logging
import subprocess
import tempfile
from pathlib import Path

from qlora_core.errors import RunFailure
from qlora_core.server.answering.questions import Failure
from qlora_core.server.forking import ForkServer, start_program
from qlora_core.store.run import Run

log = logging.getLogger(__name__)

PROGRAM = "qlora_core.export.notebook_process"
MAX_SECONDS = 120.0
NOT_MADE = "The notebook could not be made; the server's log says why. Try again in a minute."


def make_notebook(run: Run, path: Path, fork_server: ForkServer | None = None) -> None:
    """Write ``run`` to ``path``, see ``notebook.export_notebook``.

    Raises:
        RunError: the run has no result yet, or it is damaged.
        StorageError: the file cannot be written.
        RunFailure: the process ended before it was done, or takes too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        failure, printed = Path(folder) / "failure.json", Path(folder) / "printed"
        arguments = [str(each.resolve()) for each in (run.path, path, failure)]
        with printed.open("wb") as output:
            process = start_program(fork_server, PROGRAM, *arguments, output=output)
        try:
            status = process.wait(MAX_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise RunFailure(NOT_MADE) from error
        finally:
            process.kill()
            process.wait()
        if failure.exists():
            raise Failure.model_validate_json(failure.read_bytes()).as_error()
        if status != 0:
            log.warning("A notebook was not made: %s", printed.read_bytes()[-2000:].decode("utf-8", "replace"))
            raise RunFailure(NOT_MADE)
