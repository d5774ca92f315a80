"""What is forked in tests: python -m tests.server.processes.forked_program WHAT ..."""

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(what: str, *arguments: str) -> None:
    """Do one of a few things that a test can see."""
    if what == "describe":
        signals = [signal.getsignal(number) == signal.SIG_DFL for number in (signal.SIGCHLD, signal.SIGTERM)]
        about = {"pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "nice": os.nice(0)}
        print(json.dumps({**about, "arguments": arguments, "default_signals": signals, "name": __name__}))
        print("to the errors", file=sys.stderr)
    elif what == "exit":
        sys.exit(int(arguments[0]))
    elif what == "fail":
        raise ValueError("as asked for")
    elif what == "wait for":
        while not Path(arguments[0]).exists():
            time.sleep(0.005)
    elif what == "ignore SIGTERM":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
        signal.pause()
    elif what == "as a worker":
        from tests.server.stand_in import WORKER

        sys.argv = ["worker", *arguments]
        exec(WORKER, {})
    else:
        raise SystemExit(f"There is nothing called {what}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
