"""Which language a request is answered in, and the page in each of them.

The address says it (``?lang=de``: its own, or that of the page which asks), else the cookie that the page's control
sets, else the browser's ``Accept-Language``. Programs, which send none of these, and all named endpoints speak English.

A page in another language is the same page built again while that language is spoken: of it, only what its components
show is taken. So every handler, and whatever a browser sends back, is the same in all languages.
"""

import asyncio
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qlora_core.language import ENGLISH, LANGUAGES, current, speaking
from qlora_core.ui.scripts import head
from qlora_core.ui.web.malformed import Page

PARAMETER, COOKIE = "lang", "qlora-language"
MAX_ACCEPTED, MAX_PARAMETERS = 20, 50  #: entries of Accept-Language, and of an address, that are read
#: What of a component is not words: numbers of other components.
NO_WORDS = ("component_ids",)


def language_of(headers: Mapping[str, str], query: str) -> str:
    """The code of the language that a request is to be answered in; ``query`` is its address's, without "?"."""
    asked = [_asked_by(f"?{query}"), _asked_by(headers.get("referer", ""))]
    remembered = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    known = [code for code in (*asked, remembered) if code in LANGUAGES]
    return next(iter([*known, *_accepted(headers.get("accept-language", ""))]), ENGLISH)


def _asked_by(address: str) -> str:
    try:
        return parse_qs(urlsplit(address).query, max_num_fields=MAX_PARAMETERS).get(PARAMETER, [""])[0]
    except ValueError:  # it is no address, or has too many parts
        return ""


def _accepted(header: str) -> list[str]:
    """The languages that a browser accepts and the page can be read in, the dearest first (RFC 9110, 12.5.4)."""
    wanted = []
    for entry in header.split(",")[:MAX_ACCEPTED]:
        tag, _, weight = entry.strip().partition(";q=")
        code = tag.partition("-")[0].lower()
        if code in LANGUAGES:
            wanted.append((_weight(weight), code))
    return [code for weight, code in sorted(wanted, key=lambda one: -one[0]) if weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


def is_page(scope: Scope) -> bool:
    """Whether a request is for the page itself."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    return path.rstrip("/") == scope.get("root_path", "").rstrip("/")


class InLanguages:
    """Middleware that has each request answered in its language, and the page say which it is in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        code = language_of(Headers(scope=scope), scope["query_string"].decode("latin-1"))
        with speaking(code):
            await self.app(scope, receive, _Marked(send, LANGUAGES[code].tag) if is_page(scope) else send)


class _Marked:
    """Sends a page on with its language in its first element; Gradio's own words follow the browser's language, which
    it is told is the same."""

    def __init__(self, send: Send, tag: str) -> None:
        self.send, self.tag = send, tag
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        """Send a message on, or keep it until the body is whole."""
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += message.get("body", b"")
        if message.get("more_body") or self.start is None:
            return
        body = self.body.replace(b'lang="en"', f'lang="{self.tag}" dir="ltr"'.encode(), 1)
        same = f'<script>Object.defineProperty(navigator, "language", {{ value: "{self.tag}" }});</script>'
        body = body.replace(b"<head>", b"<head>" + same.encode(), 1)
        headers = MutableHeaders(scope=self.start)
        headers["content-length"] = str(len(body))
        headers["content-language"] = self.tag
        headers.add_vary_header("Cookie, Accept-Language")
        await self.send(self.start)
        await self.send({"type": "http.response.body", "body": body})


class PageInLanguages(Page):
    """The page in every language; what is not asked of it in another one is English.

    ``again`` builds it once more.
    """

    def __init__(self, *, again: Callable[[], Page], **options: Any) -> None:
        self._again = again
        self._english: dict[str, Any] = {}
        self._shown: dict[str, list[dict[str, Any]]] = {}
        self._building = Lock()
        super().__init__(**options)

    @property
    def config(self) -> Any:
        """What a browser is sent, in the language of the request."""
        code = current()
        return self._english if code == ENGLISH or not self._english else self._in(code)

    @config.setter
    def config(self, config: Any) -> None:
        self._english = config

    def _in(self, code: str) -> dict[str, Any]:
        components = self._english["components"]
        with self._building:
            if code not in self._shown:
                self._shown[code] = asyncio.run(self._built())
        pairs = zip(components, self._shown[code], strict=True)
        return {
            **self._english,
            "head": head(),
            "components": [{**english, "props": _words_of(english["props"], shown)} for english, shown in pairs],
        }

    async def _built(self) -> list[dict[str, Any]]:
        """What each component shows in this context's language; where no loop runs, Gradio leaves some open."""
        return [component["props"] for component in self._again().get_config_file()["components"]]

    async def process_api(
        self, block_fn: Any, inputs: Any, state: Any = None, request: Any = None, *arguments: Any, **named: Any
    ) -> dict[str, Any]:
        """What a handler makes of a request, in the request's language; named endpoints are for programs."""
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        is_private = function.api_visibility == "private" and hasattr(request, "headers")
        code = language_of(request.headers, str(request.query_params)) if is_private else ENGLISH
        with speaking(code):
            return await super().process_api(block_fn, inputs, state, request, *arguments, **named)


def _words_of(english: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    return {**shown, **{name: english[name] for name in NO_WORDS if name in english}}
