"""A server whose visitors can sign in with Hugging Face: ``pretending_server``, with what Gradio needs for it.

Gradio signs its cookie with itsdangerous, of an extra that is not installed for all; where it is missing, a few lines
take its place. What signing in is, Gradio pretends itself on a machine that is no Space.
"""

import hashlib
import hmac
import runpy
import sys
from importlib.util import find_spec
from types import ModuleType


class BadSignature(Exception):
    """Somebody else has written this."""


class TimestampSigner:
    """Signs, and dates nothing: no test lasts as long as a cookie does."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def sign(self, value: bytes) -> bytes:
        """The value, and what shows that it is ours."""
        return value + b"." + hmac.digest(self._key, value, hashlib.sha256).hex().encode()

    def unsign(self, signed: bytes | str, max_age: int | None = None) -> bytes:
        """The value.

        Raises:
            BadSignature: it is not ours.
        """
        del max_age
        value = (signed.encode() if isinstance(signed, str) else signed).rpartition(b".")[0]
        if self.sign(value) != (signed.encode() if isinstance(signed, str) else signed):
            raise BadSignature
        return value


if __name__ == "__main__":
    if find_spec("itsdangerous") is None:
        module = ModuleType("itsdangerous")
        module.TimestampSigner, module.BadSignature = TimestampSigner, BadSignature  # type: ignore[attr-defined]
        exceptions = ModuleType("itsdangerous.exc")
        exceptions.BadSignature = BadSignature  # type: ignore[attr-defined]
        sys.modules |= {"itsdangerous": module, "itsdangerous.exc": exceptions}
    runpy.run_module("tests.page.pretending_server", run_name="__main__")
