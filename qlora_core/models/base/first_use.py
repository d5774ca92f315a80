"""What a model from the hub was when it first came to this machine: its commit, and the SHA-256 of its weights.

The record lies beside the hub's cache and outlives it, so that a name means the same weights ever after: an emptied
cache is filled at the same commit, and other bytes are refused. Removing the record trusts the next download anew.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import constants

from qlora_core.errors import ModelError, RunError, StorageError
from qlora_core.language import N_, Message
from qlora_core.store.files import read_json, replace_json

log = logging.getLogger(__name__)

FOLDER = "qlora_first_use"


@dataclass(frozen=True)
class FirstUse:
    """A repository as it was when it was first used here."""

    commit: str
    files: dict[str, str]  #: SHA-256 of each file of weights, by its name


def record_path(repository: str, revision: str) -> Path:
    """Where the record of a repository at a revision ("" for the newest) is kept."""
    name = f"{repository}@{revision or 'newest'}".replace("/", "--")
    return Path(constants.HF_HOME) / FOLDER / f"{name}.json"


def _place(path: Path) -> Message:
    """Where a record is, for whoever has access to the machine; visitors are told of no path."""
    return Message(N_("{file} from the folder HF_HOME"), {"file": f"{FOLDER}/{path.name}"})


def first_use(repository: str, revision: str) -> FirstUse | None:
    """What is recorded; None where it was never used here.

    Raises:
        ModelError: the record is damaged.
    """
    path = record_path(repository, revision)
    if not path.exists():
        return None
    try:
        record = read_json(path)
        commit, files = record["commit"], record["files"]
        if not isinstance(commit, str) or not all(isinstance(text, str) for text in [*files, *files.values()]):
            raise TypeError
    except (RunError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            N_(
                "What {repository} was at its first use cannot be read. Remove {record} to trust the model that is "
                "here."
            ),
            repository=repository,
            record=_place(path),
        ) from error
    return FirstUse(commit, files)


def check_first_use(repository: str, revision: str, now: FirstUse) -> None:
    """Compare a repository's files with those of its first use, or record them where this is it.

    Raises:
        ModelError: they are others.
    """
    before = first_use(repository, revision)
    if before is None:
        _record(record_path(repository, revision), now)
    elif before.files != now.files:
        raise ModelError(
            N_(
                "The weights of {repository} are not those of its first use here (their SHA-256 differs). Remove its "
                "folder from the hub's cache (HF_HUB_CACHE) to fetch those again; where the new ones are meant, remove "
                "{record}."
            ),
            repository=repository,
            record=_place(record_path(repository, revision)),
        )


def _record(path: Path, now: FirstUse) -> None:
    """A cache that cannot be written to, such as an image's, keeps no record: its files are what they are."""
    try:
        replace_json(path, asdict(now))
    except (StorageError, OSError) as error:
        log.warning("The first use of a base model is not recorded in %s: %s", path, error)
