"""The page's scripts and style sheet: as Prettier writes them, as ESLint recommends, and their own tests."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST_NODE = 18
PROGRAMS = {"prettier": "prettier/bin/prettier.cjs", "eslint": "eslint/bin/eslint.js"}
CHECKS = {
    "prettier": ["--check", "."],
    "eslint": [".", "--max-warnings", "0"],
}


@pytest.fixture(scope="module")
def node() -> str:
    """Path of Node.js."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is missing; install it to test the page's scripts")
    version = run(found, "--version")
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node.js {version} is too old to test the page's scripts, which needs {OLDEST_NODE}")
    return found


def run(*command: str) -> str:
    """What a program prints, which has to succeed."""
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", CHECKS)
def test_scripts_and_style_sheet_are_well_written(name: str, node: str) -> None:
    program = ROOT / "node_modules" / PROGRAMS[name]
    if not program.exists():
        pytest.skip(f"{name} is missing; npm install brings it")
    run(node, str(program), *CHECKS[name])


def test_scripts_do_what_their_tests_say(node: str) -> None:
    files = sorted(str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("*.test.js"))
    assert "\n# pass " in run(node, "--test", "--test-reporter=tap", *files)


def test_what_is_installed_names_no_registry_and_runs_nothing() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert package["private"] is True
    assert all(version[0].isdigit() for version in package["devDependencies"].values()), "versions are exact"
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert [name for name, entry in lock["packages"].items() if "hasInstallScript" in entry] == []


def test_the_architecture_names_every_script() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    scripts = [path.relative_to(ROOT / "assets") for path in (ROOT / "assets").rglob("*.js")]
    assert [str(path) for path in scripts if f"| `{path}` |" not in text] == []
