"""The handlers of the tab "Compare", called as the page calls them, and as nobody should."""

import csv
import gc
import io
import shutil
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
import pytest

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS
from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run
from qlora_core.ui.compare import pair_file as many
from qlora_core.ui.compare.handlers import (
    MAX_IN_ADDRESS,
    CompareTab,
    address,
    answered,
    explained,
    from_address,
    opened,
)
from qlora_core.ui.compare.pair_input import MAX_PAIRS
from qlora_core.ui.compare.sides import BASE, Sides
from qlora_core.ui.compare.tab import compare_tab, wire_opening, wire_taken_pair
from qlora_core.ui.words.compare import NOT_YET

PAIR = ("the ferry opened early on day 3", "the ferry closed early on day 3")
HOSTILE: list[Any] = [None, True, -1, "", [], {}, "<script>alert(1)</script>", "x" * 50_000, float("nan")]


class Page:
    """The components in a page; the handlers are called with services of their own."""

    def __init__(self, services: Services) -> None:
        with gr.Blocks() as self.blocks:
            with gr.Tabs() as self.tabs, gr.Tab("Compare", id="compare") as place:
                self.tab = compare_tab(services)
            wire_opening(services, self.tab, place, self.tabs, self.blocks)
            self.part = many.PairFilePart(gr.Markdown(), gr.Dataframe(), gr.DownloadButton())
            button, runs = gr.Button(), gr.Dropdown(multiselect=True)
            taken = [gr.Textbox(), gr.Textbox(), runs]
            wire_taken_pair(services, self.tab, button.click(None, None, None), taken, self.tabs)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("tab")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops open
        made = Page(make_services(folder / "runs", folder / "recorded", "the-owner"))
        gc.collect()
    return made


@pytest.fixture
def tab(page: Page) -> CompareTab:
    return page.tab


def ask(services: Services, tab: CompareTab, *question: object) -> dict[Any, Any]:
    return answered(services, tab, question, gr.Progress())


def test_a_pair_is_answered_and_put_into_the_address(services: Services, tab: CompareTab, run: Run) -> None:
    updates = ask(services, tab, BASE, run.id, *PAIR, 1)
    assert updates[tab.answer].startswith("## The adapter ")
    assert updates[tab.message] == ""
    assert updates[tab.asked] == {"run": run.id, "first": "", "a": PAIR[0], "b": PAIR[1]}


def test_what_cannot_be_asked_is_said_beside_the_boxes_which_keep_what_was_typed(
    services: Services, tab: CompareTab, run: Run
) -> None:
    for question in ((BASE, run.id, "", "b", 1), (BASE, run.id, "a", "x" * 5_001, 1), (BASE, None, *PAIR, 1)):
        updates = ask(services, tab, *question)
        assert updates[tab.message].startswith("**That cannot be compared.** ")
        assert (updates[tab.answer], updates[tab.asked]) == (NOT_YET, None)
        assert not {tab.sentence1, tab.sentence2, tab.first, tab.second} & set(updates)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_a_visitor_sends_breaks_a_handler(
    services: Services, tab: CompareTab, run: Run, place: int, value: object
) -> None:
    question: list[object] = [BASE, run.id, *PAIR, 1]
    question[place] = value
    updates = ask(services, tab, *question)
    assert "<script>" not in updates[tab.answer] + updates[tab.message]
    if place < 2 or not isinstance(value, str) or not 0 < len(value) <= MAX_SENTENCE_CHARACTERS:
        assert updates[tab.message]
        assert explained(services, tab, tuple(question), None)[tab.explained] is None


@pytest.mark.parametrize(
    "text", ["${7*7}", "<img src=x onerror=alert(1)>", "\ud800", "مرحبا", "😀", "'\"`", "y" * 5_000]
)
def test_any_text_is_answered(services: Services, tab: CompareTab, run: Run, text: str) -> None:
    updates = ask(services, tab, BASE, run.id, text, "b", 1)
    assert updates[tab.message] == ""
    assert "onerror" not in updates[tab.answer]
    assert explained(services, tab, (BASE, run.id, text, "b", 1), None)[tab.rows]["data"]


def test_tokens_are_explained_once(services: Services, tab: CompareTab, run: Run) -> None:
    first = explained(services, tab, (BASE, run.id, *PAIR, 1), None)
    assert first[tab.tokens]["visible"] is True
    assert len(first[tab.rows]["data"]) > 10
    known = first[tab.explained]
    assert tab.text not in explained(services, tab, (BASE, run.id, *PAIR, 0.5), known)  # the scale changes nothing
    assert tab.text in explained(services, tab, (run.id, run.id, *PAIR, 1), known)
    assert tab.text in explained(services, tab, (BASE, run.id, PAIR[1], PAIR[0], 1), known)


def test_opening_offers_the_runs_there_are_now(services: Services, tab: CompareTab, finished_run: Run) -> None:
    nothing = opened(services, tab, BASE, None)
    assert (nothing[tab.second]["choices"], nothing[tab.second]["value"]) == ([], None)
    copy = services.store.folder / finished_run.id
    shutil.copytree(finished_run.path, copy)
    now = opened(services, tab, BASE, None)
    assert (now[tab.first]["value"], now[tab.second]["value"]) == (BASE, copy.name)
    kept = opened(services, tab, copy.name, copy.name)
    assert (kept[tab.first]["value"], kept[tab.second]["value"]) == (copy.name, copy.name)
    for value in HOSTILE:
        strange = opened(services, tab, value, value)
        assert (strange[tab.first]["value"], strange[tab.second]["value"]) == (BASE, copy.name)


def test_before_any_run_there_is_a_friendly_word(services: Services, tab: CompareTab) -> None:
    assert "train one in the tab Fine" in ask(services, tab, BASE, None, *PAIR, 1)[tab.message]


def test_a_link_fills_the_boxes_and_opens_the_tab(services: Services, page: Page, run: Run) -> None:
    tab = page.tab
    updates = from_address(services, tab, page.tabs, {"run": run.id, "first": run.id, "a": "one", "b": "two"})
    assert (updates[tab.sentence1], updates[tab.sentence2]) == ("one", "two")
    assert (updates[tab.first]["value"], updates[tab.second]["value"]) == (run.id, run.id)
    assert updates[page.tabs].selected == "compare"
    bare = from_address(services, tab, page.tabs, {"run": "../../etc/passwd"})
    assert bare[tab.second]["value"] == run.id
    assert page.tabs not in bare
    assert tab.sentence1 not in bare


def test_a_link_that_is_too_long_is_refused_not_cut(services: Services, page: Page, run: Run) -> None:
    updates = from_address(services, page.tab, page.tabs, {"a": "x" * 100_000, "b": "two"})
    assert len(updates[page.tab.sentence1]) == MAX_SENTENCE_CHARACTERS + 1
    question = (BASE, run.id, updates[page.tab.sentence1], "two", 1)
    assert "at most 5,000" in ask(services, page.tab, *question)[page.tab.message].replace("&#44;", ",")


def test_the_address_repeats_the_question_unless_it_is_too_long(run: Run) -> None:
    assert address(Sides(None, run), PAIR) == {"run": run.id, "first": "", "a": PAIR[0], "b": PAIR[1]}
    assert address(Sides(run, run), PAIR)["first"] == run.id
    long = "ش" * (MAX_IN_ADDRESS // len(quote("ش")) + 1)
    assert address(Sides(None, run), (long, "b"))["a"] == ""
    assert address(Sides(None, run), (long[:-1], "b"))["a"] == long[:-1]


def test_no_handler_is_named_for_others(page: Page) -> None:
    handlers = [handler for handler in page.blocks.fns.values() if handler.fn is not None]
    assert len(handlers) > 8
    assert {handler.api_visibility for handler in handlers} == {"private"}
    slow = {handler.concurrency_id for handler in handlers if handler.name == "explain"}
    quick = {handler.concurrency_id for handler in handlers if handler.name == "answer"}
    assert slow == {"explain"}
    assert quick == {"compare", "many"}


@pytest.fixture
def part(page: Page) -> many.PairFilePart:
    return page.part


def answer_many(services: Services, part: many.PairFilePart, *question: object) -> dict[Any, Any]:
    return many.answered(services, part, question, gr.Progress())


def test_pasted_pairs_become_a_table_and_a_csv(services: Services, part: many.PairFilePart, run: Run) -> None:
    lines = f"=1+1\tthe ferry\n\n{PAIR[0]} | {PAIR[1]}\n<script>alert(1)</script> | b"
    updates = answer_many(services, part, BASE, run.id, 1, None, lines)
    table = updates[part.table]["value"]
    assert [row[:2] for row in table["data"]] == [["=1+1", "the ferry"], [*PAIR], ["<script>alert(1)</script>", "b"]]
    assert "of 3**" in updates[part.message]
    assert "script" not in updates[part.message]
    path = Path(updates[part.download]["value"])
    assert path.name == many.CSV_NAME
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert rows[0] == table["headers"]
    assert rows[1][0] == "'=1+1"
    assert rows[2][2:7] == [str(number) for number in table["data"][1][2:7]]


def test_a_file_is_read_and_left_as_it_is(
    services: Services, part: many.PairFilePart, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("sentence1,sentence2\na,b\n", encoding="utf-8")
    updates = answer_many(services, part, run.id, run.id, 0.5, str(file), "  ")
    assert updates[part.table]["value"]["headers"][2] == f"First ({run.id[-4:]})"
    assert "pairs.csv" not in updates[part.message]
    assert file.exists()
    assert not (services.store.folder / "uploads").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.exe", "sentence1,sentence2\na,b\n"),
        ("pairs.csv", "one,two\na,b\n"),
        ("pairs.csv", "sentence1,sentence2\n" + "a,b\n" * (MAX_PAIRS + 1)),
        ("<script>.csv", "sentence1,sentence2\na,\n"),
        ("pairs.parquet", "no parquet"),
    ],
)
def test_files_that_cannot_be_answered_are_refused_in_words(
    services: Services, part: many.PairFilePart, run: Run, tmp_path: Path, name: str, content: str
) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    updates = answer_many(services, part, BASE, run.id, 1, str(file), "")
    assert updates[part.message].startswith("**These cannot be answered.** ")
    assert "<script>" not in updates[part.message]
    assert updates[part.table]["visible"] is False
    assert updates[part.download]["visible"] is False
