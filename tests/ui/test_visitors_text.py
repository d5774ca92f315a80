"""Text of files, requests and foreign runs, wherever the page shows it: never markup, never without an end.

Every handler is asked in earnest, on a run whose folder is full of hostile text, and what its components are given is
looked at.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from qlora_core.config import RunConfig
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from qlora_core.ui.safe_text import MAX_CELL
from tests.conftest import ignore
from tests.ui.conftest import quiet_services
from tests.ui.hostile_run import MARK, NAME, TEXT, hostile_pairs, make_hostile
from tests.ui.test_hostile_requests import ENDPOINTS

#: Markup that no text of the program's own has; in Markdown, a character reference stands in the way of each.
MARKUP = re.compile(r"!\[|\]\(|<img|<script|<a |javascript:|onerror=|\$\$", re.IGNORECASE)
PLOTLY_MARKUP = re.compile(r"<img|<script|<a ", re.IGNORECASE)
#: Marks that turn the writing direction, and other characters that do not print.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: Characters of one piece of Markdown: a few messages and the program's own words, or a long pair's words, tinted.
MAX_TEXT = 40_000


@pytest.fixture(scope="module")
def run(tiny_bert: Path, tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a base model and a file whose names are hostile too."""
    folder = tmp_path_factory.mktemp("hostile")
    base = shutil.copytree(tiny_bert, folder / NAME)
    pairs = hostile_pairs(folder / f"{NAME}.jsonl")
    config = tiny_config(base_model=str(base), dataset=str(pairs), num_train_epochs=1, max_length=32)
    return make_hostile(start_run(config, RunStore(folder / "made"), ignore), RunStore(folder / "runs"))


@pytest.fixture(scope="module")
def services(run: Run) -> Services:
    """Services of its store."""
    return quiet_services(run.path.parent, run.path.parent.parent / "recorded")


def asked(block: Any, run: Run, file: str, *, is_open: bool) -> Any:
    """What a visitor who means harm, or brings what somebody gave them, has in a component."""
    if isinstance(block, gr.File):
        return {"path": file, "meta": {"_type": "gradio.FileData"}}
    if isinstance(block, gr.Dropdown) and block.multiselect:
        return [run.id] if is_open else []
    if getattr(block, "elem_id", "") == "compare-second":
        return run.id
    return TEXT[:4500] if isinstance(block, gr.Textbox) else getattr(block, "value", None)


def texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, the names of its parts among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from (*texts(name), *texts(part))
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def complaints(block: object, given: object) -> Iterator[str]:
    """What is wrong with what a component is to show."""
    if isinstance(block, gr.Plot):
        given = [json.loads(text) if text.startswith("{") else text for text in texts(given)]
    is_markdown = isinstance(block, gr.Markdown | gr.Accordion)
    pattern = MARKUP if is_markdown else PLOTLY_MARKUP if isinstance(block, gr.Plot) else None
    limit = MAX_TEXT if is_markdown else MAX_CELL
    for text in texts(given):
        if pattern and (found := pattern.search(text)):
            yield f"{found.group()!r} in {text[:80]!r}"
        if not isinstance(block, gr.Textbox | gr.JSON) and (bad := UNPRINTABLE.search(text)):
            yield f"{bad.group()!r} in {text[:80]!r}"
        if len(text) > limit:
            yield f"{len(text)} characters: {text[:80]!r}"


def upload(client: TestClient, ending: str) -> str:
    """Where the server keeps a hostile file that is given to it."""
    cells = f'sentence1,sentence2,label\n"{TEXT}","{TEXT}",{NAME}\n{NAME},,2\n'.encode()
    name = f"{NAME.replace('/', '')[:120]}{ending}"
    path: str = client.post("/gradio_api/upload", files=[("files", (name, cells))]).json()[0]
    return path


def walk(page: gr.Blocks, client: TestClient, run: Run, ending: str) -> Iterator[tuple[str, Any, Any]]:
    """Handlers that take a file are asked with one, with .csv every other too: name, a component, what that got.

    But for "measure", which starts a process, and answers as "expect" does.
    """
    file = upload(client, ending)
    for number, handler in sorted(page.fns.items(), key=lambda item: item[1].name != "open_tab"):
        kinds = [block.file_types or [] for block in handler.inputs if isinstance(block, gr.File)]
        takes_file = any(ending in endings for endings in kinds)
        if (
            handler.fn is None
            or handler.api_name in ENDPOINTS
            or handler.name == "measure"
            or not (takes_file or (ending == ".csv" and not kinds))
        ):
            continue
        data = [asked(block, run, file, is_open=handler.name != "open_tab") for block in handler.inputs]
        body = {"data": data, "fn_index": number, "session_hash": "walk"}
        answer = client.post("/gradio_api/run/predict", json=body).json()
        if "data" not in answer:
            yield handler.name or "", None, answer["error"]
        for block, given in zip(handler.outputs, answer.get("data", []), strict=False):
            yield handler.name or "", block, given


def test_no_handler_shows_a_visitors_text_as_markup_or_without_an_end(
    page: gr.Blocks, client: TestClient, run: Run
) -> None:
    wrong, seen, refused = [], set(), set()
    for ending in (".csv", ".tsv", ".jsonl", ".parquet", ".zip"):
        for name, block, given in walk(page, client, run, ending):
            if block is None:
                refused.add(name)
            elif MARK in json.dumps(given):
                seen.add(type(block))
            wrong += [f"{ending}, {name}, {type(block).__name__}: {said}" for said in complaints(block, given)]
    assert wrong == []
    need_a_row, need_two_runs = {"take_pair", "pick"}, {"compare_runs", "several_runs", "repeat_run"}
    assert refused == need_a_row | need_two_runs
    assert seen >= {gr.Markdown, gr.Dataframe, gr.Dropdown, gr.Plot}


@pytest.mark.parametrize("endpoint", ["run_status", "run_results", "compare"])
def test_an_endpoints_refusal_is_one_line_of_text(endpoint: str, client: TestClient) -> None:
    data = [TEXT] if endpoint != "compare" else [TEXT, TEXT, TEXT, 1.0]
    said = client.post(f"/gradio_api/run/{endpoint}", json={"data": data}).json()["error"]
    assert said
    assert len(said) < 1000
    assert not UNPRINTABLE.search(said)


def test_the_live_view_gets_text_of_a_bounded_length(client: TestClient, run: Run) -> None:
    told = client.post("/live/news", json={"run": run.id, "about": True}).json()
    assert len(told["watched_pairs"]) == 6
    assert MARK in told["about"]["dataset"]
    assert MARK in told["about"]["device"]
    assert [text for text in texts(told) if len(text) > 600 or UNPRINTABLE.search(text)] == []


def test_the_page_as_it_is_first_sent_holds_no_hostile_text(page: gr.Blocks) -> None:
    for block in page.blocks.values():
        if isinstance(block, gr.components.Component):
            given = [block.get_config().get(name) for name in ("value", "choices", "label", "info")]
            assert list(complaints(block, json.loads(json.dumps(given, default=str)))) == []
