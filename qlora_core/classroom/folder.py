"""Where in a store the class's books lie, and how all of them go at once.

classroom/guesses/RUN_ID.json   what was expected of a run
classroom/judgements/KEY.json   what people answered to validation pairs; every run on the same ones has the same key
"""

import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from qlora_core.classroom.guesses import GuessBook
from qlora_core.classroom.judgements import JudgementBook, pairs_key
from qlora_core.errors import RunError
from qlora_core.store.files import storage_error
from qlora_core.store.run import Run
from qlora_core.store.runs import CLASSROOM, RunStore

GUESSES, JUDGEMENTS = "guesses", "judgements"
MAX_BOOKS = 64  #: kept open
T = TypeVar("T")


class Left(NamedTuple):
    """How much a class has left behind."""

    guesses: int
    judges: int


class Classroom:
    """All of one store's books."""

    def __init__(self, store: RunStore) -> None:
        self.folder = store.folder / CLASSROOM
        self._books: OrderedDict[Path, Any] = OrderedDict()
        self._lock = Lock()

    def guesses(self, run: Run) -> GuessBook:
        """What is expected of a run."""
        return self._book(self.folder / GUESSES / f"{run.id}.json", GuessBook)

    def judgements(self, run: Run) -> JudgementBook:
        """What people answer to a run's validation pairs."""
        return self._book(self.folder / JUDGEMENTS / f"{pairs_key(run.config)}.json", JudgementBook)

    def left(self) -> Left:
        """How many guesses and judges there are in all."""
        guesses = (len(GuessBook(path)) for path in _files(self.folder / GUESSES))
        judges = (len(JudgementBook(path).judges()) for path in _files(self.folder / JUDGEMENTS))
        return Left(sum(guesses), sum(judges))

    def delete(self) -> None:
        """Remove every guess and every judgement.

        Raises:
            StorageError: the folder cannot be removed.
        """
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise storage_error(error, self.folder) from error

    def forget(self, run: Run) -> None:
        """Remove what was expected of a run, because it is deleted; judgements are the pairs' own, see ``sweep``."""
        with suppress(OSError):
            (self.folder / GUESSES / f"{run.id}.json").unlink()

    def sweep(self, runs: Iterable[Run]) -> None:
        """Remove what belongs to none of these runs: those of the store, and those that come with the program."""
        needed = set()
        for run in runs:
            with suppress(RunError):
                needed |= {f"{run.id}.json", f"{pairs_key(run.config)}.json"}
        for path in (*_files(self.folder / GUESSES), *_files(self.folder / JUDGEMENTS)):
            if path.name not in needed:
                with suppress(OSError):
                    path.unlink()

    def _book(self, path: Path, make: Callable[[Path], T]) -> T:
        with self._lock:
            book: T = self._books.pop(path) if path in self._books else make(path)
            self._books[path] = book
            while len(self._books) > MAX_BOOKS:
                self._books.popitem(last=False)
            return book


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))
