"""Who may do something alone. The kernel keeps the locks, and lets go of them when a process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qlora_core.errors import StoreError
from qlora_core.language import N_
from qlora_core.settings import RUNS_DIR
from qlora_core.store.files import check_writable, read_word

SERVER_LOCK = ".server.lock"


class ServerLock:
    """That of the one server that works with a store; its file holds the server's process number."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SERVER_LOCK
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            ConfigError: nothing can be written to the folder.
            StoreError: another server has the lock.
        """
        folder = self.path.parent
        check_writable(folder, f"Name another folder with {RUNS_DIR.names[0]}.")
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            other = read_word(self.path).decode("ascii", "replace")[:20]
            raise StoreError(
                N_(
                    "Another server (process {other}) works with the runs in {folder}. End it first, or name another "
                    "folder with {variable}."
                ),
                other=other,
                folder=str(folder),
                variable=RUNS_DIR.names[0],
            ) from None
        except OSError:  # a file system that knows no locks
            pass
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        os.register_at_fork(after_in_child=self.release)  # a fork that outlives the server would keep the lock

    def release(self) -> None:
        """Let another server work with the store."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Nobody else is in a block like this for the same folder meanwhile, in whichever process.

    Raises:
        OSError: there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system that knows no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
