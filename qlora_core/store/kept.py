"""What follows from a file, worked out again only once the file is another one.

A page lists hundreds of runs at every look at a tab; all but a few of them ended long ago.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
#: Two changes of a file within this time may leave it with the same times, so that it is not trusted to be the same.
SETTLED_NANOSECONDS = 2 * 10**9


class Version(NamedTuple):
    """What differs between two contents of a file, unless it was changed twice within a moment."""

    inode: int
    size: int
    modified: int  #: nanoseconds
    changed: int  #: nanoseconds

    @property
    def is_settled(self) -> bool:
        """Whether it was last changed long enough ago; never where the clock was put back since."""
        return time.time_ns() - max(self.modified, self.changed) > SETTLED_NANOSECONDS


class Kept(Generic[T]):
    """One such value; it must not be changed by those who are given it."""

    def __init__(self, path: Path, make: Callable[[Path], T]) -> None:
        self._path, self._make = path, make
        self._kept: tuple[Version, T] | None = None

    def get(self) -> T:
        """The value for the file as it is now; whatever ``make`` raises is raised, and nothing kept."""
        version, kept = version_of(self._path), self._kept
        if kept is not None and kept[0] == version:
            return kept[1]
        value = self._make(self._path)
        if version is not None and version.is_settled:
            self._kept = (version, value)
        return value


def version_of(path: Path) -> Version | None:
    """What tells a file's content from another; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Version(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
