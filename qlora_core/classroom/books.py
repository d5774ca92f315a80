"""A file that many write a line each into: whose line it is, how many there may be, and reading whatever it holds.

A line belongs to a browser, by a digest of its secret that is another one for each book: it tells neither who started a
run nor who wrote the same browser's line elsewhere.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from qlora_core.errors import RunError, UserError
from qlora_core.store.files import read_json, replace_text, storage_error
from qlora_core.store.kept import Kept
from qlora_core.store.lock import alone_in

B = TypeVar("B", bound=BaseModel)
PARTICIPANT_DIGITS = 32


class BookFull(UserError):
    """So many browsers have written into a book that no other may."""


def participant(secret: str, book: str) -> str:
    """What a browser is called in a book of that name."""
    return hashlib.blake2b(
        secret.encode("utf-8", "surrogatepass"), key=book.encode()[:64], digest_size=PARTICIPANT_DIGITS // 2
    ).hexdigest()


class Book(Generic[B]):
    """One such file, replaced as a whole; threads share it, and processes may."""

    def __init__(self, path: Path, kind: type[B]) -> None:
        self.path, self._kind = path, kind
        self._kept = Kept(path, self._read)

    def read(self) -> B:
        """What is in it now; as if it were empty where it is missing or damaged."""
        return self._kept.get()

    def change(self, change: Callable[[B], B]) -> B:
        """Replace what is in it by what ``change`` makes of it, which nobody else does meanwhile.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with alone_in(self.path.parent):
                before = self._read(self.path)
                after = change(before)
                if after != before:
                    replace_text(self.path, after.model_dump_json() + "\n")
                return after
        except OSError as error:
            raise storage_error(error, self.path) from error

    def _read(self, path: Path) -> B:
        try:
            return self._kind.model_validate(read_json(path))
        except (RunError, ValidationError):
            return self._kind()
