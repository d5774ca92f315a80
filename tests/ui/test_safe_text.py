import re
from html import unescape

import pytest

from qlora_core.ui.safe_text import one_line, one_line_cells, plain

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "`code` and **bold** and __bold__",
    "a | b",
    "# heading",
    "- item",
    "$$x^2$$",
    "&lt;script&gt;",
    "https://evil.example",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_left_that_markdown_or_html_means(text: str) -> None:
    safe = plain(text)
    assert re.fullmatch(r"(?:[^\W_]| |&#\d+;)*", safe)
    assert unescape(safe) == text


def test_it_stays_on_one_line_without_marks_that_turn_the_direction() -> None:
    assert plain("a\n\n# b\u202ec\x00") == "a &#35; b c"


def test_words_of_any_script_are_left_alone() -> None:
    assert plain("Grüße 你好 3") == "Grüße 你好 3"


def test_it_is_cut_before_it_is_escaped() -> None:
    assert unescape(plain("<" * 500, 10)) == "<" * 9 + "…"


@pytest.mark.parametrize("text", ["a\u202eb", "a\u2066b", "a\r\n\tb", "a\x00b", "a\ud800b", "  a   b  ", "a\u200fb"])
def test_one_line_shows_words_and_nothing_that_does_not_print(text: str) -> None:
    assert one_line(text) == "a b"


def test_one_line_leaves_markup_to_places_that_do_not_read_it_and_words_of_joined_letters_alone() -> None:
    assert one_line("<b>![x](y)") == "<b>![x](y)"
    joined = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert one_line(joined) == joined


@pytest.mark.parametrize(("text", "shown"), [("x" * 30, "x" * 9 + "…"), ("x" * 10, "x" * 10), (" " * 1000 + "x", "…")])
def test_one_line_has_an_end(text: str, shown: str) -> None:
    assert one_line(text, 10) == shown


def test_cells_are_texts_on_one_line_and_numbers_as_they_are() -> None:
    assert one_line_cells([["a\nb", 1, None, 0.5]], 10) == [["a b", 1, None, 0.5]]
