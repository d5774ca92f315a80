"""A file that is made to do harm is refused, and the page's process stays as it was."""

from pathlib import Path

import psutil

from benchmarks.attacks import Attacker
from benchmarks.watching import Viewer
from tests.page.server import Server

MAX_GROWTH = 300 * 2**20


def test_a_small_file_that_decodes_to_gigabytes_is_refused(server: Server, recorded: str, tmp_path: Path) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    answer = Attacker(server.url, tmp_path).hostile_file()
    assert "unpacks to more than 64 MB of text" in answer
    assert server.leaks(answer) == []
    assert process.memory_info().rss - before < MAX_GROWTH
    viewer = Viewer(server.url, recorded)
    assert viewer.poll()["state"] == "finished"
    viewer.close()
    assert not list(server.store.uploads.folder.glob("*.parquet"))
