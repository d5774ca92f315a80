"""python -m qlora_core.export.notebook_process RUN_FOLDER FILE FAILURE, started by ``made_apart.make_notebook``.

The exit status is 0, or 1 where FAILURE says in JSON what is wrong.
"""

import sys
from pathlib import Path

from qlora_core.errors import QLoRAError
from qlora_core.export.notebook import export_notebook
from qlora_core.server.answering.questions import Failure
from qlora_core.store.run import Run


def main(run_folder: str, file: str, failure: str) -> int:
    """Write a run's notebook; returns the exit status."""
    run = Run(Path(run_folder))
    try:
        with run.explaining_damage():
            export_notebook(run, Path(file))
    except QLoRAError as error:
        Path(failure).write_text(Failure.of(error).model_dump_json(), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
