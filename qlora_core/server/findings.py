"""What was found out about this machine, as records; words are made where they are shown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, computed_field

Kind = Literal["base_model", "dataset", "quantization", "folder"]  # the first three are fields of ``RunConfig``


class Code(StrEnum):
    """What can be said of a base model, a dataset, a way to quantise or a folder to write to."""

    FOUND = "found"
    NOT_HERE = "not_here"  #: the Hugging Face hub has it, this machine does not
    DAMAGED = "damaged"  #: its files are incomplete, altered, or not what they should be
    NOT_INSTALLED = "not_installed"  #: the package that holds it
    WORKS = "works"
    FAILS = "fails"


class Finding(BaseModel):
    """One thing that was looked for or tried."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    name: str  #: one of that field's values; of a folder, the variable that names it
    code: Code
    source: str = ""  #: where it was found
    weights_bytes: int | None = None  #: of a base model that was found
    sha256: str = ""  #: of its weights
    train: int | None = None  #: pairs of a dataset
    validation: int | None = None
    error: str = ""  #: what went wrong, for whoever runs the machine: it may name folders and options

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether a run here can name it."""
        return self.code in (Code.FOUND, Code.WORKS)


@dataclass(frozen=True)
class Examination:
    """Everything that a run may need, looked at once."""

    environment: dict[str, Any]  #: versions, device and number type, see ``models.device.describe_environment``
    findings: list[Finding]


class Obstacle(StrEnum):
    """Why a run here cannot use something."""

    OUT_OF_REACH = "out_of_reach"  #: it is not on this machine, which cannot reach the hub
    DAMAGED = "damaged"  #: its files on this machine are
    NOT_INSTALLED = "not_installed"  #: it should have come with this program
    CANNOT_COMPUTE = "cannot_compute"


@dataclass(frozen=True)
class Unavailable:
    """One thing that a run here cannot use."""

    name: str
    obstacle: Obstacle
    instead: tuple[str, ...]  #: what works, where that is known
