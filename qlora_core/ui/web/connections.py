"""How many connections the server holds, and which of them give way to new ones.

Every connection takes a file handle, and a process has so many: whoever opens connections and says nothing would keep
everybody out. A page that is looked at asks again and again over the same connection, so it is among the last to go; a
browser whose connection was closed opens another by itself.
"""

import asyncio
import errno
import logging
import resource
from collections import Counter
from functools import partial
from typing import Any

from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol

LOGGER = logging.getLogger(__name__)
MAX_HANDLES = 8192  #: asked for at the start; enough for a school
SHARE = 2  #: of so many handles, one is for a connection: runs, files and processes need the others
TENTH = 10  #: of the connections of one address, one gives way at a time
KEPT_SECONDS = 20  #: a silent connection that has asked something; no page that follows a run rests as long
FIRST_WORD_SECONDS = 30.0  #: until a whole request has to have come
SAYING_AGAIN_SECONDS = 3600.0
NO_HANDLES = (errno.EMFILE, errno.ENFILE)


def raise_handle_limit() -> int:
    """Let this process have as many file handles as it may, within reason; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_HANDLES if hard == resource.RLIM_INFINITY else min(MAX_HANDLES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def limit_connections(server: Server, handles: int) -> None:
    """Hold a running server to a number of connections that leaves the rest of its ``handles`` free."""
    crowd = Crowd(server.server_state.connections, handles // SHARE)
    config: Any = server.config
    config.timeout_keep_alive = KEPT_SECONDS
    config.http_protocol_class = partial(Connection, crowd=crowd)  # of connections from now on
    loop = server.servers[0].get_loop()
    loop.call_soon_threadsafe(loop.set_exception_handler, crowd.out_of_handles)


class Crowd:
    """The connections that there are."""

    def __init__(self, connections: set[Any], most: int) -> None:
        self.connections, self.most = connections, most
        self._said = -SAYING_AGAIN_SECONDS

    def make_room(self, now: float) -> None:
        """Close some connections of the address that has most, where there are too many."""
        if len(self.connections) > self.most:
            self._close_some(now)

    def out_of_handles(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the event loop does where nobody catches an error, such as one of accepting a connection."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in NO_HANDLES:
            self._close_some(loop.time())
        else:
            loop.default_exception_handler(context)

    def _close_some(self, now: float) -> None:
        counts = Counter(one.address for one in self._known())
        if not counts:
            return
        ((address, count),) = counts.most_common(1)
        theirs = sorted((one for one in self._known() if one.address == address), key=_worth)
        for one in theirs[: max(1, count // TENTH)]:
            self.connections.discard(one)
            one.transport.abort()
        if now - self._said >= SAYING_AGAIN_SECONDS:
            self._said = now
            LOGGER.warning(
                "More connections than the %d that fit: those that asked nothing or were silent longest are closed. "
                "For an hour, this is not said again.",
                self.most,
            )

    def _known(self) -> list["Connection"]:
        return [one for one in self.connections if isinstance(one, Connection)]


def _worth(connection: "Connection") -> tuple[bool, bool, float]:
    """What goes first where some have to: those that never asked anything, then the silent, then the rest."""
    return connection.has_asked, connection.is_busy, connection.heard


class Connection(H11Protocol):
    """A connection that knows how long its other end has been silent."""

    def __init__(self, *arguments: Any, crowd: Crowd, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._crowd = crowd
        self.heard = 0.0
        self.address = ""

    @property
    def has_asked(self) -> bool:
        """Whether a request has ever come."""
        return self.cycle is not None

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.heard = self.loop.time()
        self.patience = self.loop.call_later(FIRST_WORD_SECONDS, self._close_if_silent)
        self._crowd.make_room(self.heard)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended; the clock that would still hold it, and all that it had received, lets it go."""
        self.patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something was said."""
        self.heard = self.loop.time()
        super().data_received(data)

    def _close_if_silent(self) -> None:
        if not self.has_asked:
            self.transport.abort()
