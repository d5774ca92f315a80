"""What keeps a run from getting to the hub, in plain words; a token is in none of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from qlora_core.errors import HubError, HubProblem
from qlora_core.language import N_, Message

MAX_SAID = 200
UNREACHABLE = N_("The Hugging Face hub cannot be reached. Connect to the internet and try again.")
OFFLINE = N_("The Hugging Face hub is switched off here (HF_HUB_OFFLINE). Take that variable away and try again.")
TIMED_OUT = N_("The Hugging Face hub takes too long to answer. Try again later.")
NO_TOKEN = N_(
    "There is no token of an account on the hub. Set HF_TOKEN to one that may write, or store one with: hf auth login."
)
REFUSED_TOKEN = N_("The hub does not accept the token: it is wrong or has expired. Sign in again, or make another one.")
NAME_TAKEN = N_("There is a repository called {name} already, and it is left as it is. Choose another name.")
#: ``{said}`` is nothing, or ``HUB_SAYS``.
FORBIDDEN = N_(
    "The token may not write to {name}.{said} Use one with the right to write; after signing in on this page, only "
    "repositories of your own account can be written to."
)
TOO_LARGE = N_(
    "The hub does not take files of this size.{said} Free some room in the account, or push the adapter alone."
)
TOO_MANY = N_("The hub has had too many requests from here. Try again in some minutes.")
HUB_FAULT = N_("The hub has a fault of its own (status {status}). Try again later.")
NOT_TAKEN = N_("The hub does not take what was sent (status {status}).{said} Try another name.")
BROKEN_OFF = N_("The upload broke off. Try again: what the hub has of it is used.")
HUB_SAYS = N_(" The hub says: {words}")


@contextmanager
def explaining_refusals(name: str) -> Iterator[None]:
    """While the hub is asked: whatever it or the network refuses is a plain error.

    Args:
        name: of the repository.

    Raises:
        HubError: something was refused; its ``problem`` says what.
    """
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise HubError(OFFLINE, HubProblem.UNREACHABLE) from error
    except (httpx2.HTTPError, OSError) as error:
        raise refusal(error, name) from None  # a request has the token among its headers
    except (RuntimeError, ValueError) as error:  # huggingface_hub's own of an upload, with its cause
        raise refusal(error.__cause__ or error, name) from None


def refusal(error: BaseException, name: str) -> HubError:
    """The plain error for what huggingface_hub or httpx raises."""
    if isinstance(error, HfHubHTTPError):
        return _of_status(error, name)
    if isinstance(error, httpx2.TimeoutException):
        return HubError(TIMED_OUT, HubProblem.TIMED_OUT)
    if isinstance(error, httpx2.HTTPError):
        return HubError(UNREACHABLE, HubProblem.UNREACHABLE)
    return HubError(BROKEN_OFF, HubProblem.BROKEN_OFF)


def _of_status(error: HfHubHTTPError, name: str) -> HubError:
    status = error.response.status_code
    said: Message | str = Message(HUB_SAYS, {"words": _sentence(error.server_message)}) if error.server_message else ""
    known: dict[int, tuple[str, HubProblem]] = {
        HTTPStatus.UNAUTHORIZED: (REFUSED_TOKEN, HubProblem.REFUSED_TOKEN),
        HTTPStatus.FORBIDDEN: (FORBIDDEN, HubProblem.FORBIDDEN),
        HTTPStatus.CONFLICT: (NAME_TAKEN, HubProblem.NAME_TAKEN),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (TOO_LARGE, HubProblem.TOO_LARGE),
        HTTPStatus.TOO_MANY_REQUESTS: (TOO_MANY, HubProblem.HUB_FAULT),
    }
    other = (HUB_FAULT, HubProblem.HUB_FAULT) if status >= 500 else (NOT_TAKEN, HubProblem.NOT_TAKEN)
    words, problem = known.get(status, other)
    return HubError(words, problem, name=name, said=said, status=int(status))


def _sentence(text: str) -> str:
    said = " ".join(text.split())[:MAX_SAID]
    return said if said.endswith((".", "!", "?")) else f"{said}."


def hub_page(repository: str) -> str:
    """Where a model's repository is seen."""
    return f"{constants.ENDPOINT}/{repository}"
