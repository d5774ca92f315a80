"""The page as it is first sent: made once for all who ask for it in the same way, and packed for the way.

Gradio makes it anew for everybody, which takes a tenth of a second of processor time, and sends its half megabyte as it
is. When a class opens the page at once, the last one would wait for seconds, and so would the run at work.
"""

import asyncio
import gzip
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qlora_core.ui.web.languages import is_page, language_of

MOST = 24  #: pages kept: six languages, at a few addresses
#: What Gradio makes the page's addresses from.
ADDRESS = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
#: Parts of the address that have Gradio send another page.
OTHER_PAGES = frozenset({"page", "deep_link"})
OK = 200

Key = tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """A page, or what was answered in its place."""

    start: Message
    body: bytes
    packed: bytes  #: by gzip; empty where it was not

    async def send(self, accepted: str, send: Send) -> None:
        """Send it to a browser that accepts these encodings."""
        headers = MutableHeaders(raw=list(self.start["headers"]))
        is_packed = bool(self.packed) and "gzip" in accepted
        body = self.packed if is_packed else self.body
        if is_packed:
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
        headers.add_vary_header("Accept-Encoding")
        await send({**self.start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": body})


class KeptPages:
    """Middleware that sends a page again which was made for an earlier visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages: OrderedDict[Key, Made] = OrderedDict()
        self._making = asyncio.Lock()  # the others wait for the one that is being made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on that is for no page."""
        if not is_page(scope) or OTHER_PAGES & parse_qs(_query(scope), keep_blank_values=True).keys():
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        language = language_of(headers, _query(scope))
        key = (language, scope["scheme"], scope.get("root_path", ""), *(headers.get(name, "") for name in ADDRESS))
        async with self._making:
            page = self._pages.get(key)
            if page is None:
                page = await self._make(scope, receive)
            if page.start["status"] == OK:
                self._pages[key] = page
                self._pages.move_to_end(key)
            if len(self._pages) > MOST:
                self._pages.popitem(last=False)
        await page.send(headers.get("accept-encoding", ""), send)

    async def _make(self, scope: Scope, receive: Receive) -> Made:
        start: Message = {}
        parts = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, keep)
        body = b"".join(parts)
        return Made(start, body, await run_in_threadpool(gzip.compress, body) if start["status"] == OK else b"")


def _query(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return query.decode("latin-1")
