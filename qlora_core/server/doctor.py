"""What this machine offers: device, number type, versions, models, data, and which quantisations really run."""

import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from qlora_core.child_process import gpus_are_lent
from qlora_core.choices import SCHEMES
from qlora_core.config import RunConfig, make_config
from qlora_core.data.catalog import DATASETS
from qlora_core.data.sources import load_pairs
from qlora_core.errors import ConfigError, HubError, HubProblem, NotInstalled, QLoRAError
from qlora_core.models.catalog import find_base_model, offered_base_models
from qlora_core.models.device import describe_environment, start_accelerator
from qlora_core.models.quantization import Compute, try_quantization
from qlora_core.server.findings import Code, Examination, Finding, Kind
from qlora_core.settings import ARCHIVE_DIR, read_settings
from qlora_core.store.files import check_writable


def examine() -> Examination:
    """Look at everything a run may need; nothing is downloaded."""
    compute, accelerator = start_accelerator(RunConfig())
    findings = [
        *(_base_model(name) for name in offered_base_models()),
        *(_dataset(name) for name in DATASETS),
        *(_quantization(name, compute) for name in SCHEMES),
        *(_folder(variable, path) for variable, path in written_folders().items()),
    ]
    lent = {"gpus_are_lent": True} if gpus_are_lent() else {}
    return Examination(describe_environment(compute, accelerator) | lent, findings)


def written_folders() -> dict[str, Path]:
    """Where files go that are no run's, by the variable that names the folder."""
    archive = read_settings().archive_dir
    kept = {ARCHIVE_DIR.names[0]: archive} if archive else {}
    return {"HF_HOME": Path(constants.HF_HUB_CACHE), "TMPDIR": Path(tempfile.gettempdir()), **kept}


def _folder(variable: str, path: Path) -> Finding:
    there = next(each for each in (path, *path.parents) if each.exists() or each.is_symlink())
    try:
        check_writable(there, f"Set {variable} to another folder; what is in it already can be read all the same.")
    except ConfigError as error:
        return Finding(kind="folder", name=variable, code=Code.FAILS, error=str(error))
    return Finding(kind="folder", name=variable, code=Code.WORKS)


def _base_model(name: str) -> Finding:
    try:
        model = find_base_model(name, download=False)
    except QLoRAError as error:
        return _missing("base_model", name, error)
    facts: dict[str, Any] = {"source": model.source, "weights_bytes": model.weights_bytes, "sha256": model.sha256}
    return Finding(kind="base_model", name=name, code=Code.FOUND, **facts)


def _dataset(name: str) -> Finding:
    try:
        pairs = load_pairs(name, download=False)
    except QLoRAError as error:
        return _missing("dataset", name, error)
    counts = {"train": len(pairs.train), "validation": len(pairs.validation)}
    return Finding(kind="dataset", name=name, code=Code.FOUND, source=pairs.source, **counts)


def _missing(kind: Kind, name: str, error: QLoRAError) -> Finding:
    code = Code.DAMAGED
    if isinstance(error, NotInstalled):
        code = Code.NOT_INSTALLED
    elif isinstance(error, HubError) and error.problem == HubProblem.NOT_HERE:
        code = Code.NOT_HERE
    return Finding(kind=kind, name=name, code=code, error=str(error))


def _quantization(name: str, compute: Compute) -> Finding:
    error = try_quantization(make_config(quantization=name), compute)
    code = Code.WORKS if error is None else Code.FAILS
    return Finding(kind="quantization", name=name, code=code, error=error or "")
