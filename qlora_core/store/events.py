"""What happened to a run: one JSON object a line, only ever appended to."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from qlora_core.store.files import storage_error

Event = dict[str, Any]
#: What is written beside what an event says.
STAMPS = ("seq", "time", "elapsed")


class EventLog:
    """Reads and writes ``events.jsonl``.

    Each event has a ``seq`` that grows by one, the ``time`` by the wall clock, and ``elapsed``, the seconds since the
    first event that its process wrote: 0 means that a process begins here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next_seq: int | None = None
        self._first_written: float | None = None  # time.monotonic()

    def read(self, since: int = 0) -> Iterator[Event]:
        """Events with ``seq`` >= ``since``, in order; a torn last line is left out."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for seq, line in enumerate(file):
                if seq >= since and line.endswith(b"\n"):
                    yield json.loads(line)

    def append(self, events: Iterable[Event]) -> None:
        """Add events, each a ``kind`` and whatever fields it has.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        try:
            if self._next_seq is None:
                self._next_seq = _count_whole_lines(self.path)
            now = time.monotonic()
            elapsed = 0.0 if self._first_written is None else round(now - self._first_written, 6)
            stamps = {"time": time.time(), "elapsed": elapsed}
            lines = [_line({"seq": seq, **stamps, **event}) for seq, event in enumerate(events, self._next_seq)]
            with self.path.open("a", encoding="utf-8") as file:
                file.write("".join(lines))
        except OSError as error:
            self._next_seq = None  # half a line may be there
            raise storage_error(error, self.path) from error
        self._next_seq += len(lines)
        if self._first_written is None:
            self._first_written = now


def _line(event: Event) -> str:
    return json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"


def _count_whole_lines(path: Path) -> int:
    """Number of complete lines; a torn last one, left by a process that was killed while writing, is cut off."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return content[:whole].count(b"\n")
