"""Reading visitors' files of pairs, each in a process of its own with bounds on memory and time, and once."""

from collections import OrderedDict
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from qlora_core.config import RunConfig
from qlora_core.data.look import PairsLook
from qlora_core.data.typed_pairs import Pair
from qlora_core.errors import DataError, UserError
from qlora_core.language import N_, Message
from qlora_core.server.processes import apart
from qlora_core.server.processes.apart import Ends
from qlora_core.server.processes.forking import ForkServer
from qlora_core.store.shared.contents import by_content

PROGRAM = "qlora_core.server.visitor_files.reading_program"
MAX_SECONDS = 90.0
MAX_AT_ONCE = 2
MAX_LOOKS = 100
TOO_SLOW = Message(
    N_("Reading the pairs takes longer than {n} seconds. Try later, or keep a part of the file."),
    {"n": int(MAX_SECONDS)},
)
BUSY = N_("Other visitors' files are being read. Try again in a minute.")
OUT_OF_MEMORY = N_("Reading the pairs takes more memory than they may have here. Keep a part of the file.")
FAILED = N_("The pairs cannot be read; the server's log says why. Write the file anew, for example as CSV.")
ENDS = Ends(TOO_SLOW, OUT_OF_MEMORY, FAILED, UserError)
#: What a look depends on; a run's other settings change nothing of it.
LOOKED_AT = (
    "base_model",
    "dataset",
    "data_dir",
    "columns",
    "validation_file",
    "seed",
    "max_train_samples",
    "max_eval_samples",
)


class Request(BaseModel):
    """What the process is to read."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["look", "pairs"]
    config: RunConfig  #: its ``dataset`` is the file, where only sentences are wanted
    most: int = 0  #: pairs wanted at most


class FileReader:
    """One server's."""

    def __init__(self, fork_server: ForkServer | None = None) -> None:
        self._fork_server = fork_server
        self._looks: OrderedDict[str, PairsLook | Message] = OrderedDict()  # or what is wrong
        self._places, self._lock = BoundedSemaphore(MAX_AT_ONCE), Lock()

    def look(self, config: RunConfig) -> PairsLook:
        """What a run of ``config`` would learn from; read once for files of the same content.

        Raises:
            UserError: its pairs cannot be used, and why.
        """
        asked = _asked(config)
        key = _key(asked)
        found = self._known(key) or self._remember(key, self._look(asked))
        if isinstance(found, Message):
            raise UserError(found)
        return found

    def pairs(self, path: Path, most: int) -> tuple[int, list[Pair]]:
        """How many pairs a file has, and the first ``most`` of them, unlabelled.

        Raises:
            UserError: it cannot be read, and why.
        """
        answer = self._ask(Request(kind="pairs", config=RunConfig(dataset=str(path)), most=most))
        return answer["count"], [(first, second) for first, second in answer["pairs"]]

    def _look(self, asked: RunConfig) -> PairsLook | Message:
        try:
            return PairsLook.model_validate(self._ask(Request(kind="look", config=asked)))
        except DataError as error:  # anything else may be otherwise next time
            return error.message

    def _known(self, key: str) -> PairsLook | Message | None:
        with self._lock:
            return self._looks.get(key)

    def _remember(self, key: str, found: PairsLook | Message) -> PairsLook | Message:
        with self._lock:
            self._looks[key] = found
            while len(self._looks) > MAX_LOOKS:
                self._looks.popitem(last=False)
        return found

    def _ask(self, request: Request) -> Any:
        if not self._places.acquire(timeout=MAX_SECONDS):
            raise UserError(BUSY)
        try:
            asked = request.model_dump(mode="json")
            return apart.ask(PROGRAM, asked, seconds=MAX_SECONDS, ends=ENDS, fork_server=self._fork_server)
        finally:
            self._places.release()


def _asked(config: RunConfig) -> RunConfig:
    return RunConfig(max_length=8, **{name: getattr(config, name) for name in LOOKED_AT})


def _key(asked: RunConfig) -> str:
    return by_content(asked).model_dump_json()
