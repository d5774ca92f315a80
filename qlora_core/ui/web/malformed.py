"""Requests that no page of this server sends: refused in a sentence, read to a limit, and never logged as they are."""

import inspect
import logging
from types import TracebackType
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qlora_core.language import gettext as _
from qlora_core.ui.words import page as words

#: What Gradio raises of values that its components do not hold.
UNREADABLE = (gr.Error, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError)
MAX_BODY = 8_000_000  #: bytes of a request; two hundred pasted pairs are a fifth of it
MAX_FILES = 64_000_000  #: bytes of one that brings files, each of which has a limit of its own
TOO_LARGE = 413
OURS, NOT_THIS = "qlora_core", "qlora_core.ui.web"  #: modules whose errors are told in full, and those of every request


class Page(gr.Blocks):
    """The page; what a request brings is either what a handler takes, or refused before there is anything to log."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *arguments: Any, **named: Any) -> Any:
        """The values that a handler is called with.

        Raises:
            gr.Error: they are too few, or not what its components hold.
        """
        if len(inputs) < len(block_fn.inputs):
            names = list(inspect.signature(block_fn.fn).parameters)[: len(block_fn.inputs)]
            raise gr.Error(words.too_few(block_fn.api_name or "", names, len(inputs)), print_exception=False)
        try:
            return await super().preprocess_data(block_fn, inputs, *arguments, **named)
        except UNREADABLE as error:
            raise gr.Error(_(words.UNREADABLE), print_exception=False) from error


class BoundedBodies:
    """Middleware that reads no more of a request than any page of this server sends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = MAX_FILES if scope["path"].rstrip("/").endswith("/upload") else MAX_BODY
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and (len(told) > len(str(most)) or int(told) > most):
            await PlainTextResponse(_(words.TOO_LARGE), TOO_LARGE)(scope, receive, send)
            return
        came = 0

        async def receive_bounded() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise HTTPException(TOO_LARGE, _(words.TOO_LARGE))
            return message

        await self.app(scope, receive_bounded, send)


class WithoutRequests(logging.Filter):
    """Takes the values out of the log's entries on requests that nothing of this program was reached by.

    What could not be read is told by the kind of error alone: its words would repeat what was sent, secrets included.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every entry, shortened where it is about such a request."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not _is_ours(error.__traceback__):
            record.msg, record.args = "A request could not be read (%s)", (type(error).__name__,)
            record.exc_info = record.exc_text = None
        return True


def _is_ours(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.startswith(OURS) and not module.startswith(NOT_THIS):
            return True
        traceback = traceback.tb_next
    return False


def keep_requests_out_of_the_log() -> None:
    """Of requests that cannot be read, the log has one line each."""
    logging.getLogger("uvicorn.error").addFilter(WithoutRequests())
