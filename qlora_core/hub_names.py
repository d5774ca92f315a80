"""What a model on the Hugging Face hub is called: ORGANISATION/NAME, with @REVISION where not the newest is meant."""

import re
from typing import NamedTuple

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
#: A commit, a branch, a tag, or a pull request such as refs/pr/2.
REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")


class HubName(NamedTuple):
    """A repository on the hub at a revision."""

    repository: str
    revision: str  #: "" for the newest


def read_hub_name(text: str) -> HubName | None:
    """What a text such as "google-bert/bert-base-cased@main" names; None where it is no name on the hub."""
    repository, at, revision = text.partition("@")
    if not REPOSITORY.fullmatch(repository) or (at and not REVISION.fullmatch(revision)):
        return None
    if any(part in text for part in ("..", "--")) or repository.endswith((".git", "-", ".")):
        return None
    return HubName(repository, revision)
