"""Whose a run is: the file holds a digest of a secret that only the visitor's browser knows."""

import hashlib
import hmac
from pathlib import Path

from qlora_core.store.files import read_word


def digest(secret: str) -> str:
    """What is written down of a secret: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_owner(path: Path, secret: str) -> bool:
    """Whether the file holds the digest of ``secret``; never where it is missing or damaged, or the secret is empty."""
    return bool(secret) and hmac.compare_digest(read_word(path), digest(secret).encode())
