"""Texts in a visitor's language: looked up, in the right plural form, with its own numbers, in every thread."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace

import pytest

from qlora_core import language
from qlora_core.errors import DataError
from qlora_core.language import LANGUAGES, Figure, Message, current, gettext, ngettext, number, speaking, translated
from qlora_core.server.answering.questions import Failure
from qlora_core.ui.safe_text import one_line, plain

TRANSLATED = [code for code in LANGUAGES if code != language.ENGLISH]


def test_english_is_spoken_where_nobody_has_chosen() -> None:
    assert current() == "en"
    assert gettext("Results") == "Results"
    assert gettext("") == ""
    with speaking("de"):
        assert gettext("Results") == "Ergebnisse"
        assert gettext("") == ""  # which is where a catalogue keeps its header
        assert gettext("A text that no catalogue has") == "A text that no catalogue has"
    assert gettext("Results") == "Results"


def test_each_of_several_threads_speaks_the_language_of_whoever_asked() -> None:
    def asked() -> str:
        return gettext("Results")

    with ThreadPoolExecutor(4) as pool:
        answers = {}
        for code in LANGUAGES:
            with speaking(code):
                answers[code] = pool.submit(copy_context().run, asked)
    assert [answers[code].result() for code in ("en", "de", "zh")] == ["Results", "Ergebnisse", "结果"]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_english_has_two_plural_forms(n: int) -> None:
    assert ngettext("{n} pair", "{n} pairs", n).format(n=n) == f"{n} {'pair' if n == 1 else 'pairs'}"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("en", "1,234.50 81.0%"),
        ("de", "1.234,50 81,0\xa0%"),
        ("zh", "1,234.50 81.0%"),
        ("fr", "1\u202f234,50 81,0\xa0%"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(code: str, shown: str) -> None:
    with speaking(code):
        assert f"{number(1234.5, ',.2f')} {number(0.81, '.1%')}" == shown


@translated("label")
@dataclass(frozen=True)
class Row:
    """A row of a table."""

    name: str
    label: str


def test_a_table_reads_in_the_language_of_whoever_reads_it() -> None:
    row = Row("results", "Results")
    with speaking("fr"):
        assert row.label == "Résultats"
    assert replace(row, name="other").label == row.label == "Results"


@pytest.mark.parametrize("code", TRANSLATED)
def test_what_a_script_looks_up_is_delivered_to_it_and_nothing_else(code: str) -> None:
    texts = language.script_texts(code)
    assert "The server does not answer. Open the link with the owner's key again." in texts
    assert "" not in texts
    assert "Results" not in texts


@pytest.mark.parametrize("cached", [language.catalogue, language.messages, language.script_texts])
def test_catalogues_are_read_once(cached: Callable[[str], object]) -> None:
    assert cached("de") is cached("de")


def test_a_message_is_said_in_english_for_files_and_in_the_language_for_people() -> None:
    message = Message(
        "Results {n} {label} {it}", {"n": Figure(1234.5, ",.1f"), "label": Message("Results"), "it": "{n}"}
    )
    with speaking("de"):
        assert message.in_english() == "Results 1,234.5 Results {n}"
        assert message.said() == "Results 1.234,5 Ergebnisse {n}"  # whole sentences are translated; this one is not


def test_an_error_is_english_and_says_itself_in_the_language_of_whoever_reads_it() -> None:
    error = DataError("Results", n=3)
    with speaking("fr"):
        assert (str(error), error.said()) == ("Results", "Résultats")
        assert one_line(error) == "Résultats"
        assert plain(error) == "Résultats"


def test_an_error_of_another_process_keeps_what_it_says() -> None:
    nested = DataError("{file}, {place}", file="a\ud800.csv", place=Message("line {n}", {"n": Figure(12_345)}))
    sent = Failure.of(nested).model_dump_json()
    raised = Failure.model_validate_json(sent).as_error()
    assert type(raised) is DataError
    assert str(raised) == "a?.csv, line 12,345"
    with speaking("de"):
        assert "12.345" in raised.said()
