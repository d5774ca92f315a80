"""Which requests are answered: those to this server by a name of its own, and those of its own pages.

A browser sends whatever a foreign page tells it to. Three headers it writes itself, and no page can change them: the
name in the address (``Host``), and the page that a request comes from (``Origin``, ``Sec-Fetch-Site``). A foreign page
whose name was made to point at this machine, which is called DNS rebinding, still has its name in the first; a foreign
form has its own in the second. Programs that are no browsers send the first alone.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qlora_core.language import gettext as _
from qlora_core.settings import Settings
from qlora_core.ui.words import page as words

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(?P<port>\d{1,5}))?", re.IGNORECASE)
PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
LOCAL = frozenset({"localhost"})  #: where other programs have pages too, at other ports
READING = ("GET", "HEAD")
MISDIRECTED, FORBIDDEN = 421, 403
WRONG_ORIGIN = 1008  #: why a web socket is closed: a policy (RFC 6455)
#: Said with every answer. No X-Frame-Options: Hugging Face shows a Space's page in a frame. Addresses may hold
#: sentences, so other sites are not told them. A picture of a foreign site is not even asked for.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'"
    ),
}


@dataclass(frozen=True)
class Hosts:
    """What this server goes by."""

    names: frozenset[str]  #: in lower case
    is_space: bool = False  #: whether Hugging Face's router chose the requests: all that arrive are meant, all may read

    def know(self, host: str) -> bool:
        """Whether the value of a ``Host`` header names this server.

        Any number will do: a foreign page cannot make one that is not its own point here.
        """
        found = HOST.fullmatch(host)
        return found is not None and (self.is_space or found["name"].lower() in self.names or _is_number(found["name"]))

    def is_own_page(self, origin: str, host: str) -> bool:
        """Whether a page at ``origin`` is this server's: at the ``host`` that is asked, or at a name given to it."""
        try:
            scheme, netloc, *_rest = urlsplit(origin)
        except ValueError:
            return False
        found = HOST.fullmatch(netloc)
        if found is None or scheme not in PORTS:
            return False  # such as "null", of a page without an origin
        return found["name"].lower() in self.names - LOCAL or _same(found, scheme, host)


def hosts_of(settings: Settings) -> Hosts:
    """The names that the environment gives this server, and those that every server has."""
    root = urlsplit(settings.root_path).hostname or ""
    listening = settings.server_name.strip("[]").lower()
    given = {*settings.allowed_hosts, *settings.space_host, root, *([] if _is_number(listening) else [listening])}
    return Hosts(LOCAL | {name for name in given if name}, is_space=bool(settings.space_host))


def _is_number(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _same(origin: re.Match[str], scheme: str, host: str) -> bool:
    """Whether a page is at ``host``; some proxies pass the name on without its port."""
    known = HOST.fullmatch(host)
    if known is None or known["name"].lower() != origin["name"].lower():
        return False
    return known["port"] is None or known["port"] == (origin["port"] or PORTS[scheme])


class OwnPagesOnly:
    """Middleware that answers foreign requests itself, in a sentence."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": WRONG_ORIGIN})
        else:
            await refusal(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        # Gradio makes the page's own addresses from what a proxy says, so that is checked; it proves nothing.
        for name in (host, headers.get("x-forwarded-host", host).partition(",")[0].strip()):
            if not self.hosts.know(name):
                return PlainTextResponse(words.unknown_host(name if HOST.fullmatch(name) else ""), MISDIRECTED)
        writes = scope["type"] == "websocket" or scope["method"] not in READING
        origin = headers.get("origin")
        is_foreign = origin is not None and not self.hosts.is_own_page(origin, host)
        if is_foreign and (writes or not self.hosts.is_space):
            return PlainTextResponse(_(words.FOREIGN_PAGE), FORBIDDEN)
        if writes and headers.get("sec-fetch-site") == "cross-site":
            return PlainTextResponse(_(words.FOREIGN_PAGE), FORBIDDEN)
        return None
