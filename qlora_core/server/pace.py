"""How often a page is to ask what is new of a run: less often the more of them ask, because each answer takes time from
the training on the same processor."""

import time
from collections import OrderedDict
from threading import Lock

#: Answers a second that all pages together get: of about 4 ms each beside a run, a sixtieth of one processor.
TOGETHER = 4.0
SOONEST, LATEST = 1.0, 10.0  #: seconds until a page asks again
SEEN_SECONDS = 20.0  #: so long after its last question, a page counts as one that asks
MOST = 1000  #: pages that are counted


class Pace:
    """Who asks at the moment, by what tells one browser from another."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def seconds(self, viewer: str) -> float:
        """After how many seconds this viewer is to ask again."""
        now = time.monotonic()
        with self._lock:
            self._asked[viewer] = now
            self._asked.move_to_end(viewer)
            while len(self._asked) > MOST or now - next(iter(self._asked.values())) > SEEN_SECONDS:
                self._asked.popitem(last=False)
            return min(max(SOONEST, len(self._asked) / TOGETHER), LATEST)
