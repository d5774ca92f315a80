"""Push a finished run to the hub: adapter or merged model, tokenizer, card, notebook and a script that loads it."""

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import disable_progress_bars, validate_repo_id

from qlora_core.errors import ConfigError, HubError, HubProblem
from qlora_core.export.archive import load_script
from qlora_core.export.hub.refusals import (
    NAME_TAKEN,
    NO_TOKEN,
    OFFLINE,
    REFUSED_TOKEN,
    UNREACHABLE,
    explaining_refusals,
    hub_page,
)
from qlora_core.export.merged.model import merge_run
from qlora_core.export.notebook import export_notebook
from qlora_core.hub import hub_answers, wait_at_most
from qlora_core.language import N_, Figure, Message
from qlora_core.models.reloaded import explaining_adapter_damage
from qlora_core.server.processes.apart import Listener
from qlora_core.store.files import replace_text
from qlora_core.store.run import Run
from qlora_core.training.reports.model_card import pushed_card

#: What the hub puts into a new repository itself.
FILES_OF_A_NEW_REPOSITORY = {".gitattributes"}
#: A token goes into a header of requests as it is.
TOKEN = re.compile(r"[\x21-\x7e]{1,2000}")
MAX_NAME = 96
#: For the hub to take or give the next bytes; huggingface_hub itself waits for ever.
MAX_WAIT_SECONDS = 60


@dataclass(frozen=True)
class Pushed:
    """A repository that holds a run."""

    repository: str  #: with its account, such as "somebody/name"
    url: str
    private: bool
    merged: bool
    files: list[str]
    bytes: int


def push_run(
    run: Run, repository: str, token: str | None, listener: Listener, *, merged: bool = False, private: bool = True
) -> Pushed:
    """Make a repository and upload a run's adapter, or base model and adapter as one.

    Args:
        repository: its name, with or without the account; without, it is made in that of the token.
        token: of an account that may write there; it is kept nowhere.

    Raises:
        ConfigError: the name cannot be one.
        RunError: the run has no result, or its adapter is damaged.
        HubError: there is no token, or the hub refuses it, the name or the files, or cannot be reached.
    """
    check_name(repository)
    run.require_result()
    _check_token(token)
    _check_hub()
    disable_progress_bars()
    api = HfApi(token=token)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        with explaining_refusals(repository):
            full_name = repository if "/" in repository else f"{api.whoami()['name']}/{repository}"
        if merged:
            merge_run(run, folder, listener)
        _fill(folder, run, full_name, merged=merged)
        listener("phase", {"message": N_("Making the repository")})
        with explaining_refusals(full_name):
            _make_repository(api, full_name, private=private)
        files = sorted(path.name for path in folder.iterdir())
        size = sum(path.stat().st_size for path in folder.iterdir())
        megabytes = Figure(size / 1e6, ".1f")
        listener("phase", {"message": Message(N_("Uploading {megabytes} MB"), {"megabytes": megabytes})})
        with explaining_refusals(full_name):
            api.upload_folder(repo_id=full_name, folder_path=folder, commit_message=f"Run {run.id}")
    return Pushed(full_name, hub_page(full_name), private, merged, files, size)


def check_name(repository: object) -> str:
    """The name of a repository, as it may be on the hub.

    Raises:
        ConfigError: it cannot be one.
    """
    try:
        if isinstance(repository, str) and repository:
            validate_repo_id(repository)
            return repository
    except HFValidationError:
        pass
    raise ConfigError(
        N_(
            "That cannot be the name of a repository. Use letters, digits, '-', '_' and '.', no two '-' or '.' side by "
            "side, at most {most} characters, and your account and a '/' before it if you like."
        ),
        most=MAX_NAME,
    )


def _check_token(token: str | None) -> None:
    if not token:
        raise HubError(NO_TOKEN, HubProblem.NO_TOKEN)
    if not TOKEN.fullmatch(token):  # httpx would repeat it in its error
        raise HubError(REFUSED_TOKEN, HubProblem.REFUSED_TOKEN)


def _check_hub() -> None:
    """One request that is not repeated, so that a machine without a network is told so at once."""
    if constants.HF_HUB_OFFLINE:
        raise HubError(OFFLINE, HubProblem.UNREACHABLE)
    wait_at_most(MAX_WAIT_SECONDS)
    if not hub_answers():
        raise HubError(UNREACHABLE, HubProblem.UNREACHABLE)


def _make_repository(api: HfApi, name: str, *, private: bool) -> None:
    """Make it; one that is there and empty is what an upload that broke off has left.

    Raises:
        HubError: it holds something, or others may see it and should not.
    """
    try:
        api.create_repo(name, private=private)
        return
    except HfHubHTTPError as error:
        if error.response.status_code != 409:
            raise
    try:
        info = api.model_info(name)
    except HfHubHTTPError as error:
        raise HubError(NAME_TAKEN, HubProblem.NAME_TAKEN, name=name) from error
    held = {file.rfilename for file in info.siblings or ()}
    if held - FILES_OF_A_NEW_REPOSITORY or info.private is not private:
        raise HubError(NAME_TAKEN, HubProblem.NAME_TAKEN, name=name)


def _fill(folder: Path, run: Run, repository: str, *, merged: bool) -> None:
    """Put into ``folder`` what is pushed besides a merged model."""
    if not merged:
        with explaining_adapter_damage(run):
            shutil.copytree(run.adapter_dir, folder, copy_function=shutil.copyfile)
        replace_text(folder / "README.md", str(pushed_card(run.require_result(), repository)))
        replace_text(folder / "load_adapter.py", load_script(run, beside=True))
    else:
        card = folder / "README.md"
        replace_text(card, card.read_text(encoding="utf-8").replace('"MODEL"', f'"{repository}"'))
    export_notebook(run, folder / "run.ipynb")
