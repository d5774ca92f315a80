"""Processes of this package: how much memory they may take."""

import subprocess
import sys

import pytest

from qlora_core.child_process import child_environment


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_a_process_takes_the_memory_it_may_and_no_more() -> None:
    code = (
        "import sys; from qlora_core.child_process import limit_memory\n"
        "limit_memory(2**28); taken = bytearray(2**27)\n"
        "try: bytearray(2**28)\n"
        "except MemoryError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=child_environment(), check=False).returncode == 7
