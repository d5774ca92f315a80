"""What the environment may set: every variable that this program reads itself, with its default and its meaning.

docs/deploying.md has the same table, and a test compares the two. Libraries read further variables of their own.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from qlora_core.errors import ConfigError

DATA_DIR_VARIABLE = "QLORA_DATA_DIR"
ON_WORDS = ("1", "ON", "YES", "TRUE")
PORTS = range(1, 2**16)


@dataclass(frozen=True)
class Variable:
    """How a setting is called in the environment, and what its text means."""

    names: tuple[str, ...]  #: the first of them that is set counts
    help: str
    default: str  #: in words
    read: Callable[[str], Any] = str  #: raises ValueError where a text has no meaning


def _flag(text: str) -> bool:
    return text.upper() in ON_WORDS


def _port(text: str) -> int:
    if int(text) not in PORTS:
        raise ValueError("no port")
    return int(text)


ADDRESS = Variable(
    ("GRADIO_SERVER_NAME",), "address to listen on; `0.0.0.0` means every network of this machine", "`127.0.0.1`"
)
PORT = Variable(("GRADIO_SERVER_PORT",), "port to listen on", "`7860`", _port)
OWNER_KEY = Variable(
    ("QLORA_OWNER_KEY",),
    "key of the server's owner (who may do what); the start prints it",
    "a new one at each start",
)
RUNS_DIR = Variable(("QLORA_RUNS_DIR",), "folder of all runs (what is stored where)", "`runs` beside `app.py`", Path)
DATA_DIR = Variable(
    (DATA_DIR_VARIABLE,), "folder that holds MRPC in the layout of `nyu-mll/glue` (`mrpc/*.parquet`)", "none", Path
)
HUB_IS_OFF = Variable(
    ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    "`1`: never ask the Hugging Face hub; what is not on this machine is marked as such on the page",
    "off",
    _flag,
)
HUB_ENDPOINT = Variable(("HF_ENDPOINT",), "a mirror of the hub", "`https://huggingface.co`")
RANK = Variable(("RANK",), "which of several processes this is; `accelerate launch` sets it", "`0`", int)
USE_CPU = Variable(
    ("ACCELERATE_USE_CPU",),
    "whether to compute on the CPU; `accelerate launch` sets it",
    "on where there is nothing faster",
    _flag,
)


@dataclass(frozen=True)
class Settings:
    """The environment at one moment."""

    server_name: Annotated[str, ADDRESS] = "127.0.0.1"
    server_port: Annotated[int, PORT] = 7860
    owner_key: Annotated[str, OWNER_KEY] = ""
    runs_dir: Annotated[Path | None, RUNS_DIR] = None
    data_dir: Annotated[Path | None, DATA_DIR] = None
    hub_is_off: Annotated[bool, HUB_IS_OFF] = False
    hub_endpoint: Annotated[str, HUB_ENDPOINT] = "https://huggingface.co"
    rank: Annotated[int, RANK] = 0
    use_cpu: Annotated[bool | None, USE_CPU] = None


VARIABLES: dict[str, Variable] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Settings, include_extras=True).items()
}


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """What is set now; an empty variable counts as one that is not.

    Raises:
        ConfigError: a variable holds what it cannot mean.
    """
    environment = os.environ if environment is None else environment
    found = {}
    for setting, variable in VARIABLES.items():
        name = next((name for name in variable.names if environment.get(name)), None)
        if name is None:
            continue
        try:
            found[setting] = variable.read(environment[name])
        except ValueError as error:
            raise ConfigError(f"The variable {name} cannot be {environment[name][:80]!r}: {variable.help}.") from error
    return Settings(**found)
