"""A class on one server: thirty viewers poll a run that goes on, and all see the same."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from urllib.request import urlopen

import pytest

from benchmarks.watching import SimulatedRun, Viewer
from tests.page.server import PATIENCE, Server, until

VIEWERS, PARTS, STEPS_A_PART = 30, 8, 125
STEPS = 10_000
STEPS_A_POINT = 16  #: of ``STEPS``, which are drawn in at most 1,000 points


class EagerViewer(Viewer):
    """A viewer who asks again at once."""

    def watch_to_the_end(self, began: Barrier) -> list[list[float]]:
        """Poll until the run has ended; returns every point seen."""
        began.wait(PATIENCE)
        while self.poll()["state"] == "running":
            pass
        self.poll()  # what was written between the last look and the end
        self.close()
        return self.points


def have_answers(viewers: list[EagerViewer], more_than: list[int]) -> bool:
    """Whether each viewer has had more answers than that."""
    return all(len(viewer.sizes) > count for viewer, count in zip(viewers, more_than, strict=True))


@pytest.fixture
def simulated(server: Server) -> SimulatedRun:
    """A run of which the test writes the events."""
    return SimulatedRun(server.store, STEPS)


def test_thirty_viewers_see_the_same_steps_while_the_page_is_served(server: Server, simulated: SimulatedRun) -> None:
    began = Barrier(VIEWERS + 1)
    viewers = [EagerViewer(server.url, simulated.run.id) for _ in range(VIEWERS)]
    with ThreadPoolExecutor(VIEWERS) as threads:
        watching = [threads.submit(viewer.watch_to_the_end, began) for viewer in viewers]
        try:
            began.wait(PATIENCE)
            for part in range(PARTS):
                simulated.take(STEPS_A_PART)
                answers = [len(viewer.sizes) for viewer in viewers]
                until(partial(have_answers, viewers, answers), "an answer for everybody")
                with urlopen(server.url, timeout=PATIENCE) as page:
                    assert page.status == 200, f"in part {part}"
        finally:
            simulated.end()  # which lets the viewers go
        seen = [future.result(PATIENCE) for future in watching]
    assert [point[0] for point in seen[0]] == list(range(STEPS_A_POINT, PARTS * STEPS_A_PART + 1, STEPS_A_POINT))
    assert all(points == seen[0] for points in seen)
