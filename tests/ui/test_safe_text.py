import re
from html import unescape

import pytest

from qlora_core.ui.safe_text import plain

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
