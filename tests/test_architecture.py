"""The rooms of the package: imports go one way, none is crowded, and docs/architecture.md names every module."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "qlora_core"
#: A room may import what stands in the rows above its own, and itself; "" are the modules at the top of the package.
FLOORS = (
    ("",),
    ("store", "data"),
    ("models",),
    ("evaluation",),
    ("inspection", "classroom"),
    ("training",),
    ("server",),
    ("export",),
    ("cli", "ui"),
)
#: The same inside the page's room.
UI_FLOORS = (
    ("ui.words",),
    ("ui",),
    ("ui.charts", "ui.web", "ui.classroom"),
    ("ui.train", "ui.results", "ui.compare"),
    ("ui.inside", "ui.present"),
    ("ui.build", "ui.api"),
)
MAX_MODULES = 13
#: Lists of choices, each with its words, and the codes that words are made from.
TABLES = {
    "language",
    "choices",
    "presets",
    "data.catalog",
    "data.formats",
    "data.phenomena",
    "models.catalog",
    "server.findings",
}
#: Starts the command line; nothing imports it.
ENTRY = "__main__"


def modules() -> dict[str, Path]:
    """Every module by its name below the package, such as "store.runs"."""
    files = [file for file in PACKAGE.rglob("*.py") if file.name != "__init__.py"]
    return {".".join(file.relative_to(PACKAGE).with_suffix("").parts): file for file in files}


MODULES = modules()


def imported(file: Path) -> Iterator[str]:
    """Modules of the package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            inside = name.removeprefix("qlora_core.")
            found = next((known for known in (inside, inside.rpartition(".")[0]) if known in MODULES), None)
            if name != inside and found:
                yield found


def floor(name: str, floors: tuple[tuple[str, ...], ...]) -> int:
    """The floor a module stands on: that of the longest of the names that it begins with."""
    places = {room: number for number, rooms in enumerate(floors) for room in rooms}
    known = [room for room in places if not room or name == room or name.startswith(f"{room}.")]
    return places[max(known, key=len)]


def room(name: str) -> str:
    """The folder a module is in."""
    return name.rpartition(".")[0]


IMPORTS = [(name, other) for name, file in MODULES.items() for other in imported(file)]


def test_imports_go_one_way() -> None:
    wrong = []
    for name, other in IMPORTS:
        floors = UI_FLOORS if name.startswith("ui.") and other.startswith("ui.") else FLOORS
        here, there = floor(name, floors), floor(other, floors)
        depth = 2 if floors is UI_FLOORS else 1
        same_room = name.split(".")[:-1][:depth] == other.split(".")[:-1][:depth]
        if name != ENTRY and (there > here or (there == here and not same_room)):
            wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = TopologicalSorter({name: {other for mine, other in IMPORTS if mine == name} for name in MODULES})
    assert set(graph.static_order()) == set(MODULES)


def test_no_module_is_named_in_a_string_to_be_imported() -> None:
    text = {name: file.read_text(encoding="utf-8") for name, file in MODULES.items()}
    assert [name for name, code in text.items() if re.search(r"import_module\([\"']qlora_core", code)] == []


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) == "ui.words"])
def test_words_need_nothing_but_the_tables_they_name(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    needed = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [module for module in needed if not module.startswith(("collections", "qlora_core."))]
    assert set(imported(MODULES[name])) <= TABLES | {"language"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]


def test_no_room_is_crowded() -> None:
    count = {where: sum(room(name) == where for name in MODULES) for where in {room(name) for name in MODULES}}
    assert {where: number for where, number in count.items() if number > MAX_MODULES} == {}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_architecture_names_every_module(name: str) -> None:
    sections = re.split(r"^### ", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    folder = f"qlora_core/{room(name).replace('.', '/')}".rstrip("/")
    section = next((text for text in sections if text.startswith(f"`{folder}/`")), "")
    assert f"`{name.rpartition('.')[2]}`" in section, f"docs/architecture.md, section `{folder}/`"
