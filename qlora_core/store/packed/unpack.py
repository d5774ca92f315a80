"""Make a run of one file: all of it is checked before the run is one."""

import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qlora_core.config import RunConfig
from qlora_core.errors import ArchiveError, ConfigError, RunError
from qlora_core.fields import PATH_FIELDS, RUN_ID, file_name
from qlora_core.language import N_
from qlora_core.store import directory
from qlora_core.store.files import read_json, replace_json
from qlora_core.store.packed.checks import (
    check_adapter_config,
    check_predictions,
    check_tensors,
    check_tokenizer,
)
from qlora_core.store.packed.layout import (
    ADAPTER_CONFIG,
    BOUNDS,
    DIGESTS,
    MAX_BYTES,
    MAX_BYTES_OF_OWN,
    OBJECTS,
    PAIRS,
    REQUIRED,
    TENSORS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Bounds,
)
from qlora_core.store.packed.zips import ForeignZip, foreign_zip
from qlora_core.store.run import Find, Run
from qlora_core.store.runs import RESERVED
from qlora_core.store.shared.uploads import Uploads
from qlora_core.store.status import Status

MOMENT = re.compile(r"(\d{8}-\d{6})-.*")
#: What a status of elsewhere says that is true here as well.
TAKEN_OVER = ("created", "updated", "step", "total_steps")


@dataclass(frozen=True)
class Unpacking:
    """How zips become runs of one store."""

    find: Find  #: looks at a result, see ``Run.from_result``
    known: Collection[str]  #: names of base models and datasets, which stand for the same everywhere
    uploads: Uploads
    is_own: bool = False  #: the store's own zips, which say whose a run is and where its pairs lie
    bounds: Bounds = BOUNDS

    def run_of(self, path: Path, folder: Path) -> Run:
        """Unpack a zip below ``folder``, which is empty, and check it; the run is called as the zip says.

        Raises:
            ArchiveError: it is no whole run, or holds what no run of this program does.
            OSError: it cannot be written.
        """
        with foreign_zip(path, self.bounds) as packed:
            run = Run(folder / _run_id(packed))
            names = self._unpack(packed, run)
        try:
            self._check(run, names)
        except RunError as error:
            raise ArchiveError(N_("That zip is no whole run. {error}"), error=error.message) from error
        return run

    def _unpack(self, packed: ForeignZip, run: Run) -> set[str]:
        """Write the files that a run has, and no others; returns their names."""
        listed = MAX_BYTES | (MAX_BYTES_OF_OWN if self.is_own else {})
        names = {name.removeprefix(f"{run.id}/") for name in packed}
        if missing := [name for name in REQUIRED if name not in names]:
            raise ArchiveError(
                N_("That zip lacks {name}. Bring one that Results or the export command made."), name=missing[0]
            )
        digests = {}
        for name in sorted(names & listed.keys()):
            if packed.size(f"{run.id}/{name}") > listed[name] and not self.is_own:
                raise ArchiveError(
                    N_("{name} in that zip is larger than {most} MB, the most for it."),
                    name=name,
                    most=listed[name] // 2**20,
                )
            (run.path / name).parent.mkdir(parents=True, exist_ok=True)
            digests[name] = packed.unpack(f"{run.id}/{name}", run.path / name)
        if self.is_own:
            self._keep_pairs(packed, run, names)
        _check_digests(run.path / DIGESTS, digests)
        return digests.keys() - {DIGESTS}

    def _keep_pairs(self, packed: ForeignZip, run: Run, names: set[str]) -> None:
        for name in names:
            file = name.removeprefix(PAIRS)
            if name.startswith(PAIRS) and "/" not in file:
                packed.unpack(f"{run.id}/{name}", run.path / file)
                self.uploads.keep(run.path / file, Path(file).suffix)
                (run.path / file).unlink()

    def _check(self, run: Run, names: set[str]) -> None:
        """Every file holds what it should; configuration and status become those of a run of this store.

        Raises:
            ArchiveError, RunError: one does not.
        """
        read = {name: read_json(run.path / name) for name in OBJECTS if name in names}
        config, result = self._config(run, read[directory.CONFIG]), read[directory.RESULT]
        if result.get("run_id") != run.id:
            raise ArchiveError(N_("The result in that zip is that of another run. Take the run home once more."))
        run.from_result(self.find)
        if not self.is_own:
            check_adapter_config(read[ADAPTER_CONFIG], config)
            check_tokenizer(read.get(TOKENIZER, {}), read.get(TOKENIZER_CONFIG, {}))
        for name in names.intersection(TENSORS):
            check_tensors(run.path / name)
        check_predictions(run.path / directory.PREDICTIONS)
        replace_json(run.path / directory.CONFIG, config.model_dump(mode="json"))
        replace_json(run.path / directory.STATUS, _status(run, result).model_dump())

    def _config(self, run: Run, values: Mapping[str, Any]) -> RunConfig:
        """A configuration that names no file of this machine but an upload, where the store has it.

        A name of elsewhere becomes one in the folder of uploads, which are called by their content's digest: a run of a
        stranger's making can look at nothing else here, and shows its sentences where the same file is at hand.
        """
        config = run.config
        changes: dict[str, object] = {}
        for name in PATH_FIELDS:
            value = getattr(config, name)
            is_upload = (self.uploads.folder / file_name(value)).is_file() if value else False
            if value and value not in self.known and (is_upload or not self.is_own):
                changes[name] = str(self.uploads.folder / file_name(value))
        if not self.is_own:
            changes["data_dir"] = None
        try:
            return RunConfig.model_validate({**values, **changes})
        except ValidationError as error:
            raise ConfigError(N_("The settings of that run cannot be read.")) from error


def _run_id(packed: ForeignZip) -> str:
    """What the one folder in a zip is called.

    Raises:
        ArchiveError: there is another number of folders, or its name is none of a run.
    """
    folders = {name.partition("/")[0] if "/" in name else "" for name in packed}
    name = next(iter(folders)) if len(folders) == 1 else ""
    if not RUN_ID.fullmatch(name) or name in RESERVED:
        raise ArchiveError(N_("That zip is no run: it has to hold one folder, which is called by the run's id."))
    return name


def _check_digests(path: Path, digests: Mapping[str, str]) -> None:
    """What was unpacked is what was packed, as far as the zip says; one of an earlier version says nothing."""
    if not path.is_file():
        return
    said = read_json(path)
    path.unlink()
    wrong = [name for name, digest in digests.items() if name != DIGESTS and said.get(name) != digest]
    if wrong:
        raise ArchiveError(N_("{name} in that zip is not what was packed. Take the run home once more."), name=wrong[0])


def _status(run: Run, result: Mapping[str, Any]) -> Status:
    """That of a run which has ended, with what its own status says of when and how far."""
    found: dict[str, Any] = {}
    with suppress(RunError):
        found = read_json(run.path / directory.STATUS)
    stopped = result.get("stopped_early") is True
    values: dict[str, Any] = {
        "state": "stopped" if stopped else "finished",
        "phase": "done",
        "message": "Stopped early; what was learned is kept" if stopped else "Finished",
    }
    known = {name: found[name] for name in TAKEN_OVER if name in found}
    created = _moment(run.id)
    try:
        return Status.model_validate({"created": created, "updated": created, **values, **known})
    except ValidationError:
        return Status.model_validate({"created": created, "updated": created, **values})


def _moment(run_id: str) -> float:
    """When a run was made, by its name; now where that does not say."""
    match = MOMENT.fullmatch(run_id)
    try:
        return datetime.strptime(match[1] if match else "", "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return time.time()
