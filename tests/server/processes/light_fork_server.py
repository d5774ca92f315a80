"""A fork server that loads nothing, so that tests of it take no time."""

import sys

from qlora_core.server.processes.fork_server import main


def load_nothing() -> None:
    """What takes seconds is left out."""


if __name__ == "__main__":
    main(int(sys.argv[1]), load_nothing)
