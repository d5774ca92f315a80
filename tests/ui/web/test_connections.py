"""Which connections give way where there are too many."""

import asyncio
import errno
import logging
import resource
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from qlora_core.ui.web.connections import MAX_HANDLES, SAYING_AGAIN_SECONDS, Connection, Crowd, raise_handle_limit


class Made(Connection):
    """A connection as the crowd sees it, without a network."""

    is_busy = False
    has_asked = True

    def __init__(self, name: str, address: str, heard: float, *, is_busy: bool = False, has_asked: bool = True) -> None:
        self.name, self.address, self.heard = name, address, heard
        self.has_asked = has_asked
        self.is_busy = is_busy
        self.closed = False
        self.transport: Any = SimpleNamespace(abort=self.abort)

    def abort(self) -> None:
        """It was closed."""
        self.closed = True


def left(connections: set[Any]) -> set[str]:
    """Who was not closed; those that were are no longer among them."""
    assert not any(one.closed for one in connections)
    return {one.name for one in connections}


def test_as_long_as_all_fit_none_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    connections: set[Any] = {Made(str(number), "a", number) for number in range(5)}
    Crowd(connections, 5).make_room(0)
    assert len(left(connections)) == 5
    assert caplog.messages == []


def test_the_address_with_most_loses_those_that_were_silent_longest() -> None:
    many: set[Any] = {Made(f"many {number}", "a", number) for number in range(20)}
    few: set[Any] = {Made(f"few {number}", "b", -100) for number in range(3)}
    connections = many | few
    Crowd(connections, 22).make_room(0)
    assert {one.name for one in many | few} - left(connections) == {"many 0", "many 1"}


def test_a_request_that_is_being_answered_goes_last() -> None:
    connections: set[Any] = {Made("busy", "a", 0, is_busy=True), Made("silent", "a", 5), Made("heard", "a", 9)}
    Crowd(connections, 2).make_room(0)
    assert left(connections) == {"busy", "heard"}


def test_who_never_asked_anything_goes_first() -> None:
    connections: set[Any] = {Made("viewer", "a", 0), Made("newer", "a", 9, has_asked=False), Made("heard", "a", 5)}
    Crowd(connections, 2).make_room(0)
    assert left(connections) == {"viewer", "heard"}


def test_it_is_said_once_an_hour_and_not_for_each(caplog: pytest.LogCaptureFixture) -> None:
    connections: set[Any] = set()
    crowd = Crowd(connections, 1)
    for moment in (0.0, 1.0, 2.0, SAYING_AGAIN_SECONDS):
        connections |= {Made("a", "a", 0), Made("b", "a", 0)}
        crowd.make_room(moment)
    assert len(caplog.messages) == 2


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_handle_left_makes_room_and_is_not_logged_as_an_error(number: int, caplog: pytest.LogCaptureFixture) -> None:
    connections: set[Any] = {Made("silent", "a", 5), Made("heard", "a", 9)}
    crowd, loop = Crowd(connections, 100), asyncio.new_event_loop()
    try:
        for _ in range(2):
            crowd.out_of_handles(loop, {"message": "accept", "exception": OSError(number, "no handles")})
        assert left(connections) == set()
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        crowd.out_of_handles(loop, {"message": "something else", "exception": OSError(errno.EIO, "broken")})
        assert caplog.records[-1].levelno == logging.ERROR
    finally:
        loop.close()


def test_no_clock_holds_a_connection_that_has_ended() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        """A program that is not asked anything."""
        del scope, receive, send

    async def connect_and_leave() -> Connection:
        config = Config(never, lifespan="off")
        config.load()
        connection = Connection(config=config, server_state=ServerState(), app_state={}, crowd=Crowd(set(), 9))
        ends = {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}
        transport: Any = SimpleNamespace(get_extra_info=ends.get, close=lambda: None, is_closing=lambda: False)
        connection.connection_made(transport)
        connection.connection_lost(None)
        return connection

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop, of a browser's driver
        connection = thread.submit(lambda: asyncio.run(connect_and_leave())).result()
    assert connection.patience.cancelled()


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1024, 524_288, MAX_HANDLES),
        (1024, 4096, 4096),
        (9, resource.RLIM_INFINITY, MAX_HANDLES),
        (512, 512, 512),
        (20_000, 20_000, MAX_HANDLES),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, MAX_HANDLES),
    ],
)
def test_handles_are_raised_to_what_is_allowed_and_within_reason(
    soft: int, hard: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    assert raise_handle_limit() == expected
    assert asked == ([(expected, hard)] if 0 <= soft < expected else [])
