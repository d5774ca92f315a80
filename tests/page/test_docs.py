"""The documents say what is so: every environment variable is described, and every link leads somewhere."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlora_core.server.services import make_services
from qlora_core.store.runs import Run
from qlora_core.ui.compare.answers import compare_pair

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("assets/*/*.md")])
SOURCES = sorted([ROOT / "app.py", *ROOT.glob("qlora_core/**/*.py")])
READERS = ("os.environ.get", "os.environ.setdefault", "os.getenv", "parse_flag_from_env")


def variables_read(source: str) -> set[str]:
    """Names of the environment variables that a program reads, named in place or by a constant of the same file."""
    tree = ast.parse(source)
    return {name for node in ast.walk(tree) for key in _keys(node) for name in [_text(key, _constants(tree))] if name}


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _keys(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in READERS:
        yield node.args[0]
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        yield node.slice


def _text(key: ast.expr, constants: dict[str, str]) -> str | None:
    if isinstance(key, ast.Constant):
        return str(key.value)
    return constants.get(key.id) if isinstance(key, ast.Name) else None


def anchors(document: str) -> set[str]:
    """The anchors that GitHub gives a document's headings: words in lower case, hyphens between them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: str) -> list[str]:
    """Targets of the links in a document that stay in this repository."""
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", document) if not target.startswith("http")]


def test_variables_are_found_however_they_are_read() -> None:
    source = (
        "import os\nNAME = 'C'\nos.environ.get('A', '1')\nos.environ['B']\nos.environ[NAME]\nos.getenv('D')\n"
        "os.environ.get(NAME)\nparse_flag_from_env('E', True)\nelsewhere.get('F')\n"
    )
    assert variables_read(source) == {"A", "B", "C", "D", "E"}


def test_every_environment_variable_is_described() -> None:
    read = {name for path in SOURCES for name in variables_read(path.read_text(encoding="utf-8"))}
    assert {"QLORA_RUNS_DIR", "QLORA_DATA_DIR", "QLORA_OWNER_KEY"} <= read
    described = set(re.findall(r"`([A-Z_]+)(?:=[^`]*)?`", (ROOT / "docs/deploying.md").read_text(encoding="utf-8")))
    assert read - described == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in links(path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), f"{target}: there is no such file"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target}: there is no such heading"


def shape(value: object) -> object:
    """Names and types, without the values."""
    return {name: shape(part) for name, part in value.items()} if isinstance(value, dict) else type(value)


def test_a_comparison_looks_as_the_api_says(finished_run: Run, tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.+?)```", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.DOTALL)
    services = make_services(finished_run.path.parent, tmp_path / "recorded", "")
    answer = compare_pair(services, "", "The bakery closed early.", "The bakery shut its doors early.")
    assert shape(answer) == shape(json.loads(example))
