"""The Containerfile names what is there, and what it copies is enough to start."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qlora_core.settings import VARIABLES
from tests.test_requirements import header

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COPIED = re.findall(r"^COPY (\S+) \S+$", TEXT, re.MULTILINE)
#: Variables of the libraries and of Python.
OTHERS = {"PYTHONUNBUFFERED", "HF_HOME", "GRADIO_TEMP_DIR"}


def value(pattern: str) -> str:
    """What stands in the Containerfile, once."""
    (found,) = re.findall(pattern, TEXT, re.MULTILINE)
    return str(found)


def test_it_has_the_python_of_a_space() -> None:
    assert value(r"^FROM docker\.io/library/python:([\d.]+)-slim$") == header("python_version")


def test_every_variable_is_one_that_something_reads() -> None:
    known = {name for variable in VARIABLES.values() for name in variable.names} | OTHERS
    named = set(re.findall(r"([A-Z_]+)=", value(r"^ENV (.+)$")))
    assert named - known == set()
    assert {"GRADIO_SERVER_NAME", "QLORA_RUNS_DIR"} <= named


def test_port_volume_and_user_are_what_the_variables_and_commands_say() -> None:
    port = value(r"^EXPOSE (\d+)$")
    assert f"GRADIO_SERVER_PORT={port}" in TEXT
    assert f"127.0.0.1:{port}:{port}" in TEXT
    assert all(
        place.startswith(f"{value(r'^VOLUME (.+)$')}/") for place in re.findall(r"(?:RUNS_DIR|HF_HOME)=(\S+)", TEXT)
    )
    assert f"useradd --create-home --uid 1000 {value(r'^USER (.+)$')} " in TEXT


def test_it_installs_before_it_copies_the_program() -> None:
    assert COPIED[0] == "requirements.txt"
    assert TEXT.index("pip install") < TEXT.index(f"COPY {COPIED[1]}")


@pytest.mark.process
def test_what_is_copied_is_enough_to_start(tmp_path: Path, environment: dict[str, str]) -> None:
    """The program gets as far as its settings, of which one is wrong here."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("recorded_runs", "__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    command = re.findall(r'"([^"]+)"', value(r"^CMD (.+)$"))
    assert command[0] == "python"
    settings = {name: text for name, text in environment.items() if name != "PYTHONPATH"} | {
        "QLORA_MAX_WAITING": "none"
    }
    done = subprocess.run([sys.executable, *command[1:]], cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: The variable QLORA_MAX_WAITING cannot be 'none'")
