"""Baselines that a run measured, kept for those that would measure the same ones.

They belong to nobody: a file holds answers and heads, no sentence, and who has the same pairs and the same base model
would measure the same numbers. So a run that is deleted takes none with it, and one that uses them has a copy.
"""

import hashlib
import json
import os
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from qlora_core.config import RunConfig
from qlora_core.store.files import open_file
from qlora_core.store.shared.contents import by_content

#: The settings that baselines depend on; what the files that they name hold counts as well.
BASELINE_SETTINGS = (
    *("base_model", "dataset", "data_dir", "columns", "validation_file", "max_train_samples", "max_eval_samples"),
    *("quantization", "bnb_4bit_use_double_quant", "bnb_4bit_compute_dtype", "max_length", "eval_batch_size", "seed"),
)
#: Files kept at most, and their bytes; those that were used longest ago go first.
MAX_KEPT, MAX_KEPT_BYTES = 200, 64 * 2**20
#: A file that is older and not yet whole belongs to a process that was ended while it wrote.
LEFT_OVER_SECONDS = 3600.0
MAX_HEADER_BYTES = 2**20
ENDING, UNFINISHED = ".safetensors", ".tmp"


@dataclass(frozen=True)
class Provenance:
    """Where baselines come from."""

    run_id: str  #: of the run that measured them; it may be gone
    measured_at: float  #: seconds since 1970
    probe_pairs: int | None = None  #: training pairs that the linear probe saw; versions that wrote none showed it all

    @classmethod
    def read(cls, metadata: dict[str, str]) -> Self:
        """What ``as_metadata`` wrote.

        Raises:
            LookupError, ValueError, OverflowError: something lacks, or is beyond all measure.
        """
        measured_at = float(metadata["measured_at"])
        time.gmtime(measured_at)
        probe_pairs = metadata.get("probe_pairs")
        return cls(metadata["run_id"][:80], measured_at, None if probe_pairs is None else int(probe_pairs))

    def as_metadata(self) -> dict[str, str]:
        """As a safetensors file takes it."""
        texts = {"run_id": self.run_id, "measured_at": repr(self.measured_at)}
        return texts if self.probe_pairs is None else texts | {"probe_pairs": str(self.probe_pairs)}


class KeptBaselines:
    """A folder with a file for each set of baselines: called by what was asked, and by all that it depends on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, config: RunConfig, key: str) -> Path | None:
        """The file of the baselines of ``config`` that depend on ``key``, where there is one; it may be damaged."""
        path = self._path(config, key)
        with suppress(OSError):
            os.utime(path)
            return path
        return None

    def known(self, config: RunConfig) -> Provenance | None:
        """Where a run with these settings will have its baselines from, as far as can be told without loading a model.

        None where none are kept, or the run is to measure its own.
        """
        if config.measure_baselines_again:
            return None
        asked = _asked(config)
        for path in (path for path, _ in self._newest_first() if path.name.startswith(asked)):
            with suppress(OSError, LookupError, ValueError, OverflowError, TypeError, AttributeError):
                return Provenance.read(_metadata(path))
        return None

    def keep(self, config: RunConfig, key: str, file: Path) -> None:
        """Keep a copy of a run's file; where the disk refuses, none is kept. Several processes may do so at once."""
        unfinished = self.folder / f"{secrets.token_hex(8)}{UNFINISHED}"
        with suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            try:
                shutil.copyfile(file, unfinished)
                unfinished.replace(self._path(config, key))
            finally:
                unfinished.unlink(missing_ok=True)
        self.sweep()

    def sweep(self) -> None:
        """Remove what is more than may be kept, and what ended processes left half-written."""
        count = size = 0
        for path, entry in self._newest_first():
            count, size = count + 1, size + entry.st_size
            is_left_over = path.suffix == UNFINISHED and time.time() - entry.st_mtime > LEFT_OVER_SECONDS
            if is_left_over or count > MAX_KEPT or size > MAX_KEPT_BYTES:
                with suppress(OSError):
                    path.unlink()

    def _newest_first(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        with suppress(OSError):
            for path in self.folder.iterdir():
                with suppress(OSError):  # gone this moment
                    found.append((path, path.lstat()))
        return sorted(found, key=lambda each: -each[1].st_mtime)

    def _path(self, config: RunConfig, key: str) -> Path:
        return self.folder / f"{_asked(config)}-{key}{ENDING}"


def _asked(config: RunConfig) -> str:
    """A digest of the settings that baselines depend on, and of the files that these name."""
    settings = by_content(config).model_dump(mode="json", include=set(BASELINE_SETTINGS))
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _metadata(path: Path) -> dict[str, str]:
    """The texts in a safetensors file's header."""
    with open_file(path) as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(size, MAX_HEADER_BYTES)))
    metadata: dict[str, str] = header["__metadata__"]
    return metadata
