"""What the environment may set: every variable that this program reads itself, with its default and its meaning.

docs/deploying.md has the same table, and a test compares the two. Libraries read further variables of their own.
"""

import importlib.util
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import urlsplit

from qlora_core.choices import TRACKERS
from qlora_core.errors import ConfigError
from qlora_core.hub_names import read_hub_name

DATA_DIR_VARIABLE = "QLORA_DATA_DIR"
ON_WORDS = ("1", "ON", "YES", "TRUE")
PORTS = range(1, 2**16)
NAME = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")  #: of a machine, without a port
OWNER_KEY_CHARACTERS = range(16, 201)  #: fewer can be guessed


@dataclass(frozen=True)
class Variable:
    """How a setting is called in the environment, and what its text means."""

    names: tuple[str, ...]  #: the first of them that is set counts
    help: str
    default: str  #: in words
    read: Callable[[str], Any] = str  #: raises ValueError where a text has no meaning
    is_secret: bool = False  #: whether its text must not be repeated


def _flag(text: str) -> bool:
    return text.upper() in ON_WORDS


def _port(text: str) -> int:
    if int(text) not in PORTS:
        raise ValueError("no port")
    return int(text)


def _root_path(text: str) -> str:
    urlsplit(text)
    return text


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if not all(NAME.fullmatch(name) for name in names):
        raise ValueError("no names")
    return names


def _hub_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not all(map(read_hub_name, names)):
        raise ValueError("no names on the hub")
    return names


def _key(text: str) -> str:
    if len(text) not in OWNER_KEY_CHARACTERS:
        raise ValueError("no key")
    return text


def _positive(text: str) -> float:
    if not 0 < float(text) < math.inf:
        raise ValueError("no amount")
    return float(text)


def _count(text: str) -> int:
    if int(text) < 1:
        raise ValueError("no count")
    return int(text)


def tracker_names(text: str) -> tuple[str, ...]:
    """Trackers that commas part.

    Raises:
        ValueError: there is none of that name.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not set(names) <= TRACKERS.keys():
        raise ValueError("no trackers")
    return names


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers whose packages are not installed.

    Raises:
        ConfigError: one is not; the message says how to install it.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            tracker = TRACKERS[name]
            raise ConfigError(f"{tracker.label} is not installed. Install it: pip install '{tracker.package}'.")


ADDRESS = Variable(
    ("GRADIO_SERVER_NAME",), "address to listen on; `0.0.0.0` means every network of this machine", "`127.0.0.1`"
)
PORT = Variable(("GRADIO_SERVER_PORT",), "port to listen on", "`7860`", _port)
ROOT_PATH = Variable(
    ("GRADIO_ROOT_PATH",), "path below which a reverse proxy serves the page, such as `/qlora`", "empty", _root_path
)
ALLOWED_HOSTS = Variable(
    ("QLORA_ALLOWED_HOSTS",),
    "names by which visitors reach this server, with commas between them; localhost and numeric addresses are always "
    "allowed (which names)",
    "none",
    _names,
)
SPACE_HOST = Variable(("SPACE_HOST",), "names of a Space; Hugging Face sets it", "none", _names)
OAUTH_CLIENT = Variable(
    ("OAUTH_CLIENT_ID",),
    "lets visitors sign in with Hugging Face and push runs to accounts of their own; Hugging Face sets it where "
    "`hf_oauth` is on",
    "none",
)
OWNER_KEY = Variable(
    ("QLORA_OWNER_KEY",),
    "key of the server's owner (who may do what), 16 to 200 characters",
    "a new one at each start, which prints it",
    _key,
    is_secret=True,
)
ARCHIVE_DIR = Variable(
    ("QLORA_ARCHIVE_DIR",),
    "folder, such as a mounted bucket, that each finished run is copied to, and read back from when the server starts "
    "(runs outlive a restart)",
    "none",
    Path,
)
RUNS_DIR = Variable(("QLORA_RUNS_DIR",), "folder of all runs (what is stored where)", "`runs` beside `app.py`", Path)
MAX_STORE = Variable(
    ("QLORA_MAX_STORE_GB",),
    "gigabytes that runs and uploads may take together, uploads a tenth of it; then no further run starts",
    "`20`",
    _positive,
)
MAX_WAITING = Variable(("QLORA_MAX_WAITING",), "runs that may wait in the queue", "`100`", _count)
DEFAULT_BASE_MODEL = Variable(
    ("QLORA_DEFAULT_BASE_MODEL",),
    "base model that the page opens with and that the API takes where none is named",
    "what this machine is good at (what the page opens with)",
)
DEFAULT_DATASET = Variable(
    ("QLORA_DEFAULT_DATASET",),
    "sentence pairs that the page opens with and that the API takes where none are named",
    "what this machine is good at (what the page opens with)",
)
DEFAULT_PRESET = Variable(
    ("QLORA_DEFAULT_PRESET",),
    "preset that the page opens with and that the API takes where none is named",
    "what this machine is good at (what the page opens with)",
)
EXTRA_BASE_MODELS = Variable(
    ("QLORA_EXTRA_BASE_MODELS",),
    "further BERTs on the hub that visitors may choose, as ORGANISATION/NAME or ORGANISATION/NAME@REVISION with commas "
    "between them (base models)",
    "none",
    _hub_names,
)
REPORT_TO = Variable(
    ("QLORA_REPORT_TO",),
    f"where each run reports its losses and scores besides: {', '.join(TRACKERS)}, or several with commas between them "
    "(trackers)",
    "none",
    tracker_names,
)
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
WORLD_SIZE = Variable(("WORLD_SIZE",), "how many processes share a run; `accelerate launch` sets it", "`1`", _count)
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
    root_path: Annotated[str, ROOT_PATH] = ""
    allowed_hosts: Annotated[tuple[str, ...], ALLOWED_HOSTS] = ()
    space_host: Annotated[tuple[str, ...], SPACE_HOST] = ()
    oauth_client: Annotated[str, OAUTH_CLIENT] = ""
    owner_key: Annotated[str, OWNER_KEY] = ""
    runs_dir: Annotated[Path | None, RUNS_DIR] = None
    archive_dir: Annotated[Path | None, ARCHIVE_DIR] = None
    max_store_gb: Annotated[float, MAX_STORE] = 20.0
    max_waiting: Annotated[int, MAX_WAITING] = 100
    default_base_model: Annotated[str, DEFAULT_BASE_MODEL] = ""
    default_dataset: Annotated[str, DEFAULT_DATASET] = ""
    default_preset: Annotated[str, DEFAULT_PRESET] = ""
    extra_base_models: Annotated[tuple[str, ...], EXTRA_BASE_MODELS] = ()
    report_to: Annotated[tuple[str, ...], REPORT_TO] = ()
    data_dir: Annotated[Path | None, DATA_DIR] = None
    hub_is_off: Annotated[bool, HUB_IS_OFF] = False
    hub_endpoint: Annotated[str, HUB_ENDPOINT] = "https://huggingface.co"
    rank: Annotated[int, RANK] = 0
    world_size: Annotated[int, WORLD_SIZE] = 1
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
            said = "what it is set to" if variable.is_secret else repr(environment[name][:80])
            raise ConfigError(f"The variable {name} cannot be {said}: {variable.help}.") from error
    return Settings(**found)
