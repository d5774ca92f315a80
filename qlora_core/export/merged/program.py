"""Write a run's merged model as a zip, asked for by a page: see ``server.processes.apart``."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any

from qlora_core.export.merged.model import merge_run
from qlora_core.language import N_
from qlora_core.server.processes.apart import Listener, Request, answer
from qlora_core.store.files import replace_file
from qlora_core.store.run import Run


def work(request: Request, listener: Listener) -> dict[str, Any]:
    """Carry out a request of ``MergedModels``."""
    run, path = Run(Path(request["run"])), Path(request["zip"])
    with tempfile.TemporaryDirectory() as folder, run.explaining_damage():
        merged = merge_run(run, Path(folder) / run.id, listener)
        listener("phase", {"message": N_("Writing the zip")})
        replace_file(path, lambda temporary: _pack(merged.folder, temporary))
        return merged.as_dict()


def _pack(folder: Path, path: Path) -> None:
    """Stored as they are: weights can hardly be compressed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))


if __name__ == "__main__":
    answer(work)
