"""The look at the pairs on the page: facts and first pairs in words, nothing of a file taken for markup."""

import json
from pathlib import Path

import pytest

from qlora_core.data.catalog import OWN_FILE
from qlora_core.server.services import Services, make_services
from qlora_core.ui.train.form import preset_values
from qlora_core.ui.train.look_panel import looked_at
from qlora_core.ui.train.submission import NO_FILES, OwnFile
from tests.conftest import make_rows

VALUES = preset_values("quick")
MARKUP = "![x](https://foreign.example/x.png) <img src=x onerror=alert(1)> | **bold** `code`"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


def look(services: Services, path: Path) -> str:
    return looked_at(services, ["minilm", OWN_FILE.name, *OwnFile(str(path)), *VALUES])


def test_a_file_of_ones_own_is_described_before_anything_starts(services: Services, pairs_file: Path) -> None:
    text = look(services, pairs_file)
    assert "64 pairs to learn from and 16 to be measured on" in text
    assert "on day" in text
    assert "1. **Same:**" in text
    assert "1. **Different:**" in text
    assert "label" in text
    assert not services.store.folder.exists()


def test_markup_in_a_file_stays_text(services: Services, tmp_path: Path) -> None:
    rows = [{**row, "sentence1": f"{MARKUP} {number}"} for number, row in enumerate(make_rows(40))]
    path = tmp_path / "![x](y) <b>.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    text = look(services, path)
    assert "foreign" in text
    for mark in ("![", "](", "<img", "<b>", "`code", "**bold"):
        assert mark not in text


def test_what_keeps_a_file_from_being_used_is_said_without_markup(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("sentence1,sentence2,label\na,b,![x](https://foreign.example/)\n", encoding="utf-8")
    text = look(services, path)
    assert text.startswith("**These pairs cannot be used.**")
    assert "![" not in text


def test_a_file_that_was_not_chosen_yet_is_asked_for(services: Services) -> None:
    assert "Choose your file" in looked_at(services, ["minilm", OWN_FILE.name, *NO_FILES, *VALUES])
