"""Where the page is served, looked at before anything is started."""

import errno
import socket

from qlora_core.errors import ConfigError
from qlora_core.settings import ADDRESS, PORT

ALL_NETWORKS = ("0.0.0.0", "::", "[::]")


def check_address(name: str, port: int) -> None:
    """Try to listen there.

    Raises:
        ConfigError: that cannot be done, and why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            name.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise ConfigError(_why(name, port, error)) from error


def _why(name: str, port: int, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return (
            f"Port {port} is taken: another program, perhaps another server of this page, listens there. End it, or "
            f"set {PORT.names[0]} to another."
        )
    if number == errno.EACCES:
        return f"Port {port} may not be used by this user. Set {PORT.names[0]} to one above 1023."
    reason = (error.strerror if isinstance(error, OSError) else None) or "that is no name of a machine"
    remedy = f"Set {ADDRESS.names[0]} to a name or number of this machine"
    return f"Nobody can listen at {name[:80]!r}, port {port}: {reason}. {remedy}."


def page_address(name: str, port: int) -> str:
    """Where the page can be opened on this machine."""
    return f"http://{'localhost' if name in ALL_NETWORKS else name}:{port}/"
