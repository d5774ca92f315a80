"""Answers that are made and packed once, and sent again as they are."""

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OK = 200
#: Bytes below which packing is not worth it.
LEAST = 400
#: How hard brotli tries, of 11: from here on, it takes much longer than it saves.
QUALITY = 6

Key = tuple[str, ...]


def _brotli(body: bytes) -> bytes:
    packed: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=QUALITY)
    return packed


#: How a body is packed for the way, the smallest first, by what browsers call it.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {"br": _brotli, "gzip": gzip.compress}


def encoding_for(accepted: str) -> str:
    """The smallest encoding that a browser accepts (RFC 9110, 12.5.3); "" where it has to be sent as it is."""
    named = {part.partition(";")[0].strip() for part in accepted.lower().split(",") if not part.endswith(";q=0")}
    return next((encoding for encoding in ENCODINGS if encoding in named), "")


@dataclass(frozen=True)
class Answer:
    """What was answered, as it went over the wire."""

    start: Message
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether it is what was asked for."""
        return bool(self.start["status"] == OK)

    async def send(self, send: Send) -> None:
        """Send it to somebody."""
        await send({**self.start, "headers": list(self.start["headers"])})
        await send({"type": "http.response.body", "body": self.body})


class Kept:
    """The answers that were asked for last, ``most`` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._making = asyncio.Lock()  # the others wait for the one that is being made

    async def answer(self, key: Key, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what was kept under ``key`` in the encoding of this browser; else what ``app`` answers, and keep it."""
        encoding = encoding_for(Headers(scope=scope).get("accept-encoding", ""))
        whole_key = (encoding, *key)
        found = self._answers.get(whole_key)
        if found is None:
            async with self._making:
                found = self._answers.get(whole_key) or await _made(app, scope, receive, encoding)
                self._keep(whole_key, found)
        else:
            self._answers.move_to_end(whole_key)
        await found.send(send)

    def _keep(self, key: Key, answer: Answer) -> None:
        if answer.is_ok:
            self._answers[key] = answer
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)


async def _made(app: ASGIApp, scope: Scope, receive: Receive, encoding: str) -> Answer:
    start: Message = {}
    parts = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    body = b"".join(parts)
    headers = MutableHeaders(raw=list(start["headers"]))
    headers.add_vary_header("Accept-Encoding")
    if encoding and start["status"] == OK and len(body) >= LEAST and "content-encoding" not in headers:
        body = await run_in_threadpool(ENCODINGS[encoding], body)
        headers["content-encoding"] = encoding
        headers["content-length"] = str(len(body))
    return Answer({**start, "headers": headers.raw}, body)
