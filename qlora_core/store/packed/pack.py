"""Put a run into one file."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from qlora_core.fields import without_folders
from qlora_core.store import directory
from qlora_core.store.files import replace_file
from qlora_core.store.packed.layout import DIGESTS, MAX_BYTES_OF_OWN, PAIRS
from qlora_core.store.run import Run

Part = tuple[str, bytes | Path]  #: a file's name within the run's folder, and what it holds or where it lies
#: What of an event of a run that failed once is for whoever runs the machine alone: it may name folders.
PRIVATE = ("message", "traceback")


def write_packed(path: Path, run_id: str, parts: Iterable[Part]) -> None:
    """Write a zip with one folder, called ``run_id``, and in it a list of what every file's SHA-256 is.

    Raises:
        StorageError: it cannot be written.
    """

    def write(temporary: Path) -> None:
        digests = {}
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, part in parts:
                digests[name] = _add(packed, f"{run_id}/{name}", part)
            packed.writestr(f"{run_id}/{DIGESTS}", json.dumps(digests, indent=2))

    replace_file(path, write)


def _add(packed: zipfile.ZipFile, name: str, part: bytes | Path) -> str:
    if isinstance(part, bytes):
        packed.writestr(name, part)
        return hashlib.sha256(part).hexdigest()
    info = zipfile.ZipInfo.from_file(part, name)
    info.compress_type = zipfile.ZIP_DEFLATED
    with part.open("rb") as source, packed.open(info, "w") as target:
        shutil.copyfileobj(source, target, 2**20)
        source.seek(0)
        return hashlib.file_digest(source, "sha256").hexdigest()


def parts_to_take_home(run: Run) -> Iterator[Part]:
    """A finished run without anything of the machine: of paths the last part, of its way what is drawn.

    Raises:
        RunError: the run has no result yet.
    """
    result = run.require_result()
    config = without_folders(result["config"])
    yield directory.CONFIG, _json(config)
    yield directory.RESULT, _json(result | {"config": config})
    yield directory.STATUS, _json(run.status.model_dump(include={"state", "created", "updated", "step", "total_steps"}))
    yield directory.EVENTS, b"".join(_drawn_lines(run))
    yield from run.files_to_export()


def parts_to_keep(run: Run, uploads: Path) -> Iterator[Part]:
    """All of a finished run that a server needs to have it again: as it is, and the files that it learned from."""
    for name in (directory.CONFIG, directory.RESULT, directory.EVENTS, *MAX_BYTES_OF_OWN):
        if (run.path / name).is_file():
            yield name, run.path / name
    yield directory.STATUS, _json(run.status.model_dump(exclude={"pid", "pid_identity", "pid_started"}))
    yield from run.files_to_export()
    for file in {run.config.dataset, run.config.validation_file} - {None}:
        if Path(str(file)).parent == uploads and Path(str(file)).is_file():
            yield f"{PAIRS}{Path(str(file)).name}", Path(str(file))


def _drawn_lines(run: Run) -> Iterator[bytes]:
    for event in run.events():
        is_end = event["kind"] == "end"
        yield orjson.dumps({name: value for name, value in event.items() if not (is_end and name in PRIVATE)}) + b"\n"


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()
