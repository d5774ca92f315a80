"""Worksheets made for a test, and what is in them."""

import json
import shutil
from html.parser import HTMLParser
from typing import Any

from qlora_core.classroom.folder import Classroom
from qlora_core.evaluation.flips import ValidationPairs
from qlora_core.evaluation.several.two_runs import ReadPairs
from qlora_core.export.worksheet.material import Material, material_of
from qlora_core.export.worksheet.sheet import worksheet_of
from qlora_core.store.feed import RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.recorded import recorded_run


class Elements(HTMLParser):
    """Every element and its attributes, and all text but the style sheet's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.text += " " if tag in ("th", "td") else ""
        while self.open and self.open.pop() != tag:
            pass


def no_pairs(config: object) -> ValidationPairs:
    """What nobody may ask for where nobody has judged."""
    raise AssertionError(f"asked for the pairs of {config}")


def material(run: Run, store: RunStore, pairs: ReadPairs = no_pairs) -> Material:
    """What a store has about a run."""
    return material_of(run, RunFeed(run), Classroom(store), store.runs(), pairs)


def sheet(run: Run, store: RunStore, pairs: ReadPairs = no_pairs) -> str:
    """A run's worksheet."""
    return worksheet_of(run, material(run, store, pairs))


def words(page: str) -> str:
    """The page's text on one line."""
    return " ".join(Elements(page).text.split())


def copied(store: RunStore, name: str = "copy", **changes: Any) -> Run:
    """The recorded quick run in a store, as if it had been carried out there with other settings."""
    folder = store.folder / name
    shutil.copytree(recorded_run("quick").path, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8")) | changes
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return store.open(name)
