"""Runs that were carried out elsewhere and brought here: what is noted of that."""

import time
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from qlora_core.errors import RunError
from qlora_core.language import N_, gettext
from qlora_core.store import directory
from qlora_core.store.files import read_json, replace_json
from qlora_core.store.run import Run
from qlora_core.store.status import Moment, Text

UNKNOWN_DEVICE = N_("an unnamed device")


class Brought(BaseModel):
    """The content of ``brought.json``."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    brought: Moment  #: seconds since 1970
    device: Text = UNKNOWN_DEVICE  #: where its zip says that it was trained

    @property
    def device_name(self) -> str:
        """The device in the language of this context: a name is the same in all."""
        return gettext(self.device) if self.device == UNKNOWN_DEVICE else self.device


def mark_brought(run: Run, result: Mapping[str, Any]) -> None:
    """Note that a run was brought here just now.

    Raises:
        StorageError: it cannot be written.
    """
    environment = result.get("environment")
    device = environment.get("device_name") if isinstance(environment, dict) else None
    named = device if isinstance(device, str) and device else UNKNOWN_DEVICE
    replace_json(run.path / directory.BROUGHT, Brought(brought=time.time(), device=named).model_dump())


def is_brought(run: Run) -> bool:
    """Whether a run was carried out elsewhere."""
    return (run.path / directory.BROUGHT).is_file()


def brought(run: Run) -> Brought | None:
    """What is noted of a run that was brought here; None of one that was carried out here."""
    if not is_brought(run):
        return None
    try:
        return Brought.model_validate(read_json(run.path / directory.BROUGHT))
    except (RunError, ValidationError):  # damaged, but a mark all the same
        return Brought(brought=0.0)
