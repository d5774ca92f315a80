"""Merged models that a page's visitors download: few at a time, each made once, in a process of its own."""

import shutil
import weakref
from collections import OrderedDict
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Any

from qlora_core.errors import RunError, StorageError
from qlora_core.language import N_, Figure
from qlora_core.server.processes import apart
from qlora_core.store.directory import WeightsVersion
from qlora_core.store.run import Run

PROGRAM = "qlora_core.export.merged.program"
MAX_SECONDS = 900.0
MAX_KEPT = 2
MAX_BYTES = 2e9
FLOAT32 = 4  #: bytes
#: The folder, and the zip that is made of it; a third is for everybody else.
TIMES_ON_DISK = 3


class MergedModels:
    """One server's, in a folder of its own below ``cache`` that goes with the server."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._folder: Path | None = None
        self._kept: OrderedDict[tuple[str, WeightsVersion | None], Path] = OrderedDict()
        self._making = Lock()  # one at a time: each takes the memory of three models

    def zip_of(self, run: Run, listener: apart.Listener) -> Path:
        """The zip of a run's merged model, made now unless it is there.

        Raises:
            RunError: the run has no result, or its model is too large for this.
            StorageError: the disk has too little room.
            UserError, RunFailure: it cannot be made.
        """
        size = FLOAT32 * run.from_result(_parameters)
        if size > MAX_BYTES:
            raise RunError(
                N_(
                    "This model takes {gigabytes} GB as one, more than a page hands out. Write it with: python -m "
                    "qlora_core merge {run} FOLDER."
                ),
                gigabytes=Figure(size / 1e9, ".1f"),
                run=run.id,
            )
        with self._making:
            key = (run.id, run.weights_version())
            if key in self._kept and self._kept[key].is_file():
                self._kept.move_to_end(key)
                return self._kept[key]
            path = self._make(run, size, listener)
            self._keep(key, path)
            return path

    def _make(self, run: Run, size: int, listener: apart.Listener) -> Path:
        if self._folder is None:
            self._cache.mkdir(parents=True, exist_ok=True)
            self._folder = Path(mkdtemp(dir=self._cache, prefix="merged-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # at the latest as Python ends
        if shutil.disk_usage(self._cache).free < TIMES_ON_DISK * size:
            raise StorageError(
                N_("The disk has too little room for the merged model. Free some space, then try again.")
            )
        path = self._folder / f"{run.id}-merged.zip"
        request = {"run": str(run.path.resolve()), "zip": str(path)}
        apart.ask(PROGRAM, request, listener, seconds=MAX_SECONDS, folder=self._folder)
        return path

    def _keep(self, key: tuple[str, WeightsVersion | None], path: Path) -> None:
        self._kept[key] = path
        while len(self._kept) > MAX_KEPT:
            _, oldest = self._kept.popitem(last=False)
            if oldest not in self._kept.values():
                oldest.unlink(missing_ok=True)


def _parameters(result: dict[str, Any]) -> int:
    return int(result["total_parameters"])
