"""A file that many write a line each into: whose line it is, how many there may be, and reading whatever it holds.

A line belongs to a browser, by a digest of its secret that is another one for each book: it tells neither who started a
run nor who wrote the same browser's line elsewhere.

What changes is written as one more line at the end, and a later line stands for what an earlier one says of the same
browser: a class of thirty that judges writes five times a second, and to replace the whole file each time would take
the disk and the processor from the run that trains beside it. The line is in the system's hands once it is
acknowledged; only the machine's own end within seconds could lose it.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from qlora_core.errors import UserError
from qlora_core.store.files import open_file, replace_text, storage_error
from qlora_core.store.kept import Version, version_of
from qlora_core.store.lock import alone_in

E = TypeVar("E", bound=BaseModel)
PARTICIPANT_DIGITS = 32
MAX_BYTES = 32 * 2**20  #: of a book that are read; 500 judges with ten answers each have 2 MB
MAX_LINES = 10_000  #: then the book is replaced by one line that says the same


class BookFull(UserError):
    """So many browsers have written into a book that no other may."""


def participant(secret: str, book: str) -> str:
    """What a browser is called in a book of that name."""
    return hashlib.blake2b(
        secret.encode("utf-8", "surrogatepass"), key=book.encode()[:64], digest_size=PARTICIPANT_DIGITS // 2
    ).hexdigest()


class Page(BaseModel, Generic[E]):
    """What a line says, and what all lines come to; under other names in earlier versions' books, which have one."""

    model_config = ConfigDict(frozen=True, validate_by_name=True)

    entries: dict[str, E] = Field({}, validation_alias=AliasChoices("entries", "guesses", "judges"))  #: by participant
    about: str = Field("", validation_alias=AliasChoices("about", "sentences"))  #: entries about anything else are void

    def with_entry(self, name: str, entry: E) -> "Page[E]":
        """The same with what a browser says now."""
        return self.model_copy(update={"entries": {**self.entries, name: entry}})


@dataclass(frozen=True)
class Seen(Generic[E]):
    """How far a book was read, and what its lines come to until there."""

    page: Page[E]
    version: Version | None = None  #: of the file as it was then; None where there was none
    read: int = 0  #: bytes, in whole lines
    lines: int = 0

    def goes_on_in(self, version: Version | None) -> bool:
        """Whether that is the same file with more at its end."""
        now, then = version, self.version
        return now is not None and then is not None and now.inode == then.inode and now.size > then.size

    @property
    def is_torn(self) -> bool:
        """Whether the file ends in half a line, because whoever wrote it was ended meanwhile."""
        return self.version is not None and self.read < self.version.size


class Book(Generic[E]):
    """One such file; threads share it, and processes may."""

    def __init__(self, path: Path, kind: type[Page[E]]) -> None:
        self.path, self._kind = path, kind
        self._seen = Seen(kind())
        self._lock = Lock()

    def read(self) -> Page[E]:
        """What is in it now; lines that are damaged are as if they were not there."""
        return self._look().page

    def change(self, change: Callable[[Page[E]], Page[E]]) -> Page[E]:
        """Make of its content what ``change`` makes of it, which nobody else does meanwhile.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with alone_in(self.path.parent):
                seen = self._look()
                after = change(seen.page)
                if after != seen.page:
                    self._write(seen, after)
                return after
        except OSError as error:
            raise storage_error(error, self.path) from error

    def _write(self, seen: Seen[E], after: Page[E]) -> None:
        before = seen.page
        is_more = after.about == before.about and before.entries.keys() <= after.entries.keys()
        if not is_more or seen.lines >= MAX_LINES:
            replace_text(self.path, _line(after))
            return
        new = {name: entry for name, entry in after.entries.items() if before.entries.get(name) != entry}
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * seen.is_torn + _line(after.model_copy(update={"entries": new})))

    def _look(self) -> Seen[E]:
        with self._lock:
            version = version_of(self.path)
            if version != self._seen.version:
                start = self._seen if self._seen.goes_on_in(version) else Seen(self._kind())
                self._seen = self._read_on(start, version)
            return self._seen

    def _read_on(self, start: Seen[E], version: Version | None) -> Seen[E]:
        try:
            with open_file(self.path) as file:
                file.seek(start.read)
                content = file.read(MAX_BYTES)
        except OSError:
            return Seen(self._kind())
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines()
        entries, about = dict(start.page.entries), start.page.about
        for line in lines:
            with suppress(ValidationError):
                page = self._kind.model_validate_json(line)
                if page.about != about:
                    entries, about = {}, page.about
                entries.update(page.entries)
        return Seen(
            self._kind(entries=entries, about=about), version, start.read + len(whole), start.lines + len(lines)
        )


def _line(page: Page[E]) -> str:
    return page.model_dump_json() + "\n"
