"""Where the page is served: what is wrong with an address is one sentence."""

import socket
from collections.abc import Iterator

import pytest

from qlora_core.errors import ConfigError
from qlora_core.ui.web.address import check_address, page_address
from tests.conftest import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_free_address_is_left_free(name: str) -> None:
    port = free_port()
    for _ in range(2):
        check_address(name, port)


@pytest.mark.parametrize("name", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_said_with_what_to_do(name: str, taken: int) -> None:
    with pytest.raises(ConfigError, match=f"^Port {taken} is taken: .+ set GRADIO_SERVER_PORT to another\\.$"):
        check_address(name, taken)


@pytest.mark.parametrize("name", ["no-such-name.invalid", "203.0.113.7", "a b", "x" * 300, "\udc80", "..", "["])
def test_a_name_that_is_not_this_machines_is_said_with_what_to_do(name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^Nobody can listen at .+ Set GRADIO_SERVER_NAME to a name or number"
    ) as refusal:
        check_address(name, free_port())
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(("name", "address"), [("0.0.0.0", "localhost"), ("teacher.local", "teacher.local")])
def test_the_address_is_one_that_can_be_opened(name: str, address: str) -> None:
    assert page_address(name, 80) == f"http://{address}:80/"
