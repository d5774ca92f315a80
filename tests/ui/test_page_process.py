"""The process that serves the page imports none of the heavy libraries, whatever visitors ask of it."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat

STEPS = ["serve", "doctor", "estimate", "run", "compare", "tokens", "flips", "zip", "notebook", "numbers", "delete"]


def test_whatever_visitors_ask_the_page_imports_no_heavy_library(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.ui.page_process", str(tmp_path)]
    page = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    lines = [json.loads(line) for line in page.stdout.splitlines() if line.startswith("[")]
    assert lines == [[step, []] for step in STEPS], page.stderr[-3000:]
    assert page.returncode == 0, page.stderr[-3000:]
    assert len(nbformat.read(tmp_path / "run.ipynb", as_version=4).cells) > 10
