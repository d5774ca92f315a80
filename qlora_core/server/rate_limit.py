"""How often something may be tried, such as a key: so often from one address, and so often from all together."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock

from qlora_core.errors import QLoRAError
from qlora_core.language import N_

Limits = tuple[float, float]  #: how many at once, and how many a second come back
OF_ONE, OF_ALL = (10, 0.1), (100, 1.0)
WRONG_KEYS = N_("Too many wrong keys were tried. Wait a minute, then try again.")
MAX_ADDRESSES = 1000  #: remembered; the one that tried longest ago is forgotten
NETWORK_BITS = 64  #: of an IPv6 address: whoever has one has a whole network of them


class RateLimitExceeded(QLoRAError):
    """Something was tried so often that it is not looked at for a while."""


@dataclass
class Bucket:
    """Tokens that are taken, and come back with time."""

    size: float
    rate: float  #: tokens a second
    tokens: float
    at: float  #: when ``tokens`` was counted

    def count(self, now: float) -> float:
        """Tokens there are now."""
        self.tokens, self.at = min(self.size, self.tokens + self.rate * (now - self.at)), now
        return self.tokens


class RateLimit:
    """Token buckets by address; their number is bounded."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        of_one: Limits = OF_ONE,
        of_all: Limits = OF_ALL,
        refusal: str = WRONG_KEYS,
    ) -> None:
        self._clock, self._of_one, self._refusal = clock, of_one, refusal
        self._lock = Lock()
        self._all = self._full(of_all)
        self._by_network: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> None:
        """Use up an attempt, before anything is looked at.

        Raises:
            RateLimitExceeded: none is left, to this address or to anybody.
        """
        with self._lock:
            now, buckets = self._clock(), (self._of(address), self._all)
            if min(bucket.count(now) for bucket in buckets) < 1:
                raise RateLimitExceeded(self._refusal)
            for bucket in buckets:
                bucket.tokens -= 1

    def give_back(self, address: str) -> None:
        """The key was right."""
        with self._lock:
            for bucket in (self._of(address), self._all):
                bucket.tokens += 1

    def _of(self, address: str) -> Bucket:
        network = _network(address)
        bucket = self._by_network.setdefault(network, self._full(self._of_one))
        self._by_network.move_to_end(network)
        if len(self._by_network) > MAX_ADDRESSES:
            self._by_network.popitem(last=False)
        return bucket

    def _full(self, limits: Limits) -> Bucket:
        return Bucket(*limits, tokens=limits[0], at=self._clock())


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped:
        return str(ip_network((parsed, NETWORK_BITS), strict=False))
    return str(parsed)
