"""Push a run, asked for by a page: see ``server.processes.apart``."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from qlora_core.export.hub.push import push_run
from qlora_core.server.processes.apart import Listener, Request, answer
from qlora_core.store.run import Run


def work(request: Request, listener: Listener) -> dict[str, Any]:
    """Carry out a request of ``pushing.push``."""
    run = Run(Path(request["run"]))
    with run.explaining_damage():
        return asdict(push_run(run, request["repository"], request["token"], listener, private=request["private"]))


if __name__ == "__main__":
    answer(work)
