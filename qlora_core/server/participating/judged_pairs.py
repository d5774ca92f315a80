"""The sentences that judges are asked about: read once for runs that are validated on the same pairs.

Reading them takes seconds at first, because another process does it. Nobody waits for that longer than they say.
"""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from qlora_core.classroom.judgements import pairs_key
from qlora_core.config import RunConfig
from qlora_core.evaluation.flips import Sentences, ValidationPairs

MAX_KEPT = 8  #: sets of pairs
MAX_AT_ONCE = 2  #: read; the process that reads them answers others too


class JudgedPairs:
    """One server's."""

    def __init__(self, read: Callable[[RunConfig], ValidationPairs]) -> None:
        self._read = read
        self._found: OrderedDict[str, Future[ValidationPairs]] = OrderedDict()
        self._lock = Lock()
        self._readers = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="judged-pairs")

    def get(self, config: RunConfig, seconds: float) -> list[Sentences] | None:
        """A run's validation pairs, in order; None where they are still being read after so many seconds.

        Raises:
            DataError, HubError: they are not on this machine any more.
            RunFailure: the process that reads them has ended.
        """
        try:
            return self._asked(config).result(seconds).sentences
        except TimeoutError:
            return None

    def _asked(self, config: RunConfig) -> "Future[ValidationPairs]":
        key = pairs_key(config)
        with self._lock:
            found = self._found.pop(key, None)
            if found is None or (found.done() and found.exception()):  # it may go better this time
                found = self._readers.submit(self._read, config)
            self._found[key] = found
            while len(self._found) > MAX_KEPT:
                self._found.popitem(last=False)
            return found
