"""Unpack and check a run that a visitor brings, with a bound on memory: see ``server.processes.apart``."""

import math
from pathlib import Path

from qlora_core.server.processes.apart import Listener, Request, answer
from qlora_core.server.visitor_files.brought_runs import unpacking
from qlora_core.store.shared.uploads import Uploads

#: What unpacking may take beside the libraries.
MAX_BYTES = 2**30


def work(request: Request, listener: Listener) -> str:
    """Unpack one zip below a folder; returns the run's name."""
    del listener
    uploads = Uploads(Path(request["uploads"]), math.inf)
    return unpacking(uploads).run_of(Path(request["zip"]), Path(request["folder"])).id


if __name__ == "__main__":
    answer(work, max_bytes=MAX_BYTES)
