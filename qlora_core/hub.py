"""Files from the Hugging Face hub at a pinned commit, and a plain word where the hub cannot be reached."""

import errno
from collections.abc import Callable
from pathlib import Path

import httpx2
from huggingface_hub import constants, get_session, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from qlora_core.errors import FULL_DISK, HubError, HubProblem
from qlora_core.language import N_, Message

CONNECT_TIMEOUT_SECONDS = 5
#: What the system says where a file cannot be kept, whatever the hub does.
REFUSED_BY_THE_DISK = (*FULL_DISK, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
#: ``{advice}`` is what else can be done, a part of a sentence.
NOT_HERE = N_(
    "{repository} is not on this machine and the Hugging Face hub cannot be reached. Connect to the internet and try "
    "again, {advice}."
)
NO_SUCH = N_(
    "The Hugging Face hub shows no {repository} at {revision}. Check the name; for one that is private or asks for "
    "consent, set HF_TOKEN, {advice}."
)
NOT_KEPT = N_("{repository} cannot be kept in the hub's cache: {reason}. Set HF_HOME to another folder, {advice}.")


def fetch(
    repository: str,
    revision: str,
    patterns: list[str],
    *,
    repo_type: str = "model",
    is_whole: Callable[[Path], bool] = Path.is_dir,
    download: bool = True,
    advice: Message,
) -> Path:
    """The folder that holds a repository's files at ``revision``, downloaded unless they are on this machine already.

    Args:
        revision: a commit, or a name for one such as main or refs/pr/2.
        patterns: the files wanted.
        is_whole: whether a folder on this machine has all that is needed; another program may have fetched a part.
        download: False looks only at what is on this machine already.
        advice: what else to do where the hub cannot be reached, as the end of the error's sentence.

    Raises:
        HubError: the files are not on this machine, and the hub cannot be reached, has none of that name, or nothing
            can be kept here.
    """
    not_here = Message(NOT_HERE, {"repository": repository, "advice": advice})
    here = _here(repository, revision, patterns, repo_type)
    if here is not None and is_whole(here):
        return here
    if not download or constants.HF_HUB_OFFLINE or not hub_answers():
        raise HubError(not_here, HubProblem.NOT_HERE)
    try:
        return _snapshot(repository, revision, patterns, repo_type, local_files_only=False)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:  # the former of private and gated ones, too
        raise HubError(
            NO_SUCH, HubProblem.NO_SUCH, repository=repository, revision=revision[:40], advice=advice
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx2.HTTPError) as error:
        raise HubError(not_here, HubProblem.DOWNLOAD_FAILED) from error
    except OSError as error:
        if error.errno not in REFUSED_BY_THE_DISK:
            raise HubError(not_here, HubProblem.DOWNLOAD_FAILED) from error
        raise HubError(
            NOT_KEPT, HubProblem.DOWNLOAD_FAILED, repository=repository, reason=str(error.strerror), advice=advice
        ) from error


def _here(repository: str, revision: str, patterns: list[str], repo_type: str) -> Path | None:
    """The folder on this machine, which may be a part; None where there is none."""
    try:
        return _snapshot(repository, revision, patterns, repo_type, local_files_only=True)
    except LocalEntryNotFoundError:
        return None


def _snapshot(repository: str, revision: str, patterns: list[str], repo_type: str, *, local_files_only: bool) -> Path:
    return Path(
        snapshot_download(
            repository,
            revision=revision,
            repo_type=repo_type,
            allow_patterns=patterns,
            local_files_only=local_files_only,
        )
    )


def wait_at_most(seconds: float) -> None:
    """From now on, no request of this process waits longer than this for the hub to take or to give something."""
    get_session().timeout = seconds


def hub_answers() -> bool:
    """Whether the hub is there: one request without retries, so that a machine without a network is told so at once."""
    try:
        get_session().head(constants.ENDPOINT, timeout=CONNECT_TIMEOUT_SECONDS)
    except httpx2.HTTPError:
        return False
    return True
