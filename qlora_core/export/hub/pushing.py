"""Push a run for a visitor of a page, in a process of its own."""

from qlora_core.server.processes import apart
from qlora_core.server.processes.apart import Listener
from qlora_core.store.run import Run

PROGRAM = "qlora_core.export.hub.program"
MAX_SECONDS = 600.0


def push(run: Run, repository: str, token: str, listener: Listener, *, private: bool) -> str:
    """The address of the new repository.

    Args:
        token: the visitor's; it goes to that process through a pipe and is kept nowhere.

    Raises:
        UserError: it was refused, and why.
        RunFailure: it failed, or took too long.
    """
    request = {"run": str(run.path.resolve()), "repository": repository, "token": token, "private": private}
    return str(apart.ask(PROGRAM, request, listener, seconds=MAX_SECONDS, secret=token)["url"])
