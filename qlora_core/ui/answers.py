"""What the page's scripts are answered: what they ask for, or ``error``, a sentence that says why they do not get it.

Every request is checked, because anybody can send one. What a class asks often has an address of its own beside
Gradio's, whose way to a function of an element takes a server more than twice as long.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from gradio.routes import ORJSONResponse
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.ui.events import address_of
from qlora_core.ui.safe_text import MAX_MESSAGE, one_line
from qlora_core.ui.words import page as words

Answer = dict[str, Any]
A = TypeVar("A", bound=BaseModel)


def answered(kind: type[A], request: Any, answer: Callable[[A], Answer]) -> Answer:
    """What ``answer`` says to a request that has to be one of ``kind``: JSON as bytes, or what Gradio made of it."""
    try:
        return answer(kind.model_validate_json(request) if isinstance(request, bytes) else kind.model_validate(request))
    except ValidationError:
        return {"error": _(words.UNREADABLE)}
    except QLoRAError as error:
        return {"error": one_line(error, MAX_MESSAGE)}


def asked_at(address: str, answer: Callable[[bytes, str], Answer]) -> Route:
    """An address of our own: ``answer`` takes what was sent, and the network address that it came from."""

    async def endpoint(request: Request) -> Response:
        return ORJSONResponse(await run_in_threadpool(answer, await request.body(), address_of(request)))

    return Route(f"/{address}", endpoint, methods=["POST"])
