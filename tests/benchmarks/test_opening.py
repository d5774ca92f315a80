"""A class that opens the page: every browser asks for everything, and each file is packed once for all of them."""

import pytest

from benchmarks import live, opening

PATHS = ["/", "/plotly.min.js"]


@pytest.mark.process
def test_everybody_gets_everything_packed() -> None:
    with live.serve() as server:
        alone, together = (opening.measure(server, PATHS, browsers) for browsers in (1, 3))
    assert together["requests"] == len(PATHS)
    assert 500 < alone["kilobytes"] == together["kilobytes"] < 2000  # plotly.js alone has 4,800 as it is
    assert together["last"] > 0
    assert together["cpu_a_browser"] >= 0
