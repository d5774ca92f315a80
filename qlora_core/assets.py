"""Where the files lie that come with the program and are not code."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
RECORDED_RUNS = ASSETS / "recorded_runs"
