"""A program as ``server.processes.apart`` starts it, which does what its request says."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from qlora_core.errors import HubError, HubProblem, RunError
from qlora_core.language import Figure, Message
from qlora_core.server.processes.apart import Listener, Request, answer


def work(request: Request, listener: Listener) -> dict[str, Any]:
    """Carry out a request."""
    if request["do"] == "fail":
        raise LookupError(f"printed by Python: {request['token']}")
    if request["do"] == "refuse":
        raise RunError("No such run.")
    if request["do"] == "refuse by the hub":
        raise HubError("Taken.", HubProblem.NAME_TAKEN)
    if request["do"] == "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if request["do"] == "be silent":
        os._exit(1)
    if request["do"] == "take too much":
        raise MemoryError
    if request["do"] == "hang":
        (Path(tempfile.gettempdir()) / "left").mkdir()
        listener("phase", {"message": "hanging"})
        time.sleep(600)
    print("what a library prints")
    print("and warns of", file=sys.stderr)
    listener("phase", {"message": "looking"})
    listener("phase", {"message": Message("{n} seen", {"n": Figure(1000)})})
    listener("progress", {"done": 1, "total": 2})
    me = psutil.Process()
    return {"command": me.cmdline(), "environment": dict(os.environ), "at_start": me.environ(), "niceness": me.nice()}


if __name__ == "__main__":
    answer(work)
