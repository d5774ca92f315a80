"""A pair whose words are tinted and underlined by their push."""

import math
import re

from qlora_core.data.typed_pairs import Pair, TokenScores
from qlora_core.ui.compare.token_text import token_text, words_of
from qlora_core.ui.compare.tokens import Explanation

PAIR = ("Ferries unlocked!", "It sank.")
TOKENS = ["[CLS]", "ferries", "un", "##lock", "##ed", "!", "[SEP]", "it", "sank", ".", "[SEP]"]
SENTENCES = [None, 1, 1, 1, 1, 1, None, 2, 2, 2, None]
SPANS = [(0, 0), (0, 7), (8, 10), (10, 14), (14, 16), (16, 17), (0, 0), (0, 2), (3, 7), (7, 8), (0, 0)]
SCORES = [0.0, 1.0, 0.5, -2.0, -0.5, 0.001, 0.0, 0.0, -0.4, math.nan, 0.0]


def explanation(scores: list[float], name: str = "Adapter") -> Explanation:
    return Explanation(name, TOKENS, SENTENCES, SPANS, TokenScores(scores, 0.0, 0.0, 0.0))


def shown(html: str) -> list[str]:
    """The sentences as they are read, without the numbers."""
    lines = re.findall(r'<p class="push-line" dir="auto">(.*?)</p>', html)
    without = [re.sub(r'<span class="push-number">.*?</span>', "", line) for line in lines]
    return [re.sub(r"&#(\d+);", lambda one: chr(int(one[1])), re.sub("<.*?>", "", line)) for line in without]


def test_word_pieces_are_one_word_with_their_sum() -> None:
    one = explanation(SCORES)
    assert [(PAIR[0][word.start : word.end], word.score) for word in words_of(one, 1)] == [
        ("Ferries", 1.0), ("unlocked", -2.0), ("!", 0.001),
    ]  # fmt: skip
    assert [PAIR[1][word.start : word.end] for word in words_of(one, 2)] == ["It", "sank", "."]


def test_both_models_show_the_sentences_as_they_were_typed() -> None:
    html = token_text([explanation([0.0] * 11, "Base model"), explanation(SCORES)], PAIR)
    assert shown(html) == [*PAIR, *PAIR]
    assert html.index("Base model") < html.index("Adapter")


def test_a_word_looks_as_it_pushed_and_bears_its_number() -> None:
    html = token_text([explanation(SCORES)], PAIR)
    assert '<span class="push-word push-same push-2" tabindex="0">Ferries<span class="push-number">+1.00 same' in html
    assert '"push-word push-different push-4" tabindex="0">unlocked<span class="push-number">-2.00 different' in html
    assert '<span class="push-word" tabindex="0">It<span class="push-number">0.00<' in html
    assert html.count("push-word push-") == 3  # what is too weak to see, or no number, is left as it is
    assert "not known" in html


def test_both_models_are_tinted_on_one_scale() -> None:
    weak = [score / 10 for score in SCORES]
    html = token_text([explanation(weak, "Base model"), explanation(SCORES)], PAIR)
    base, adapter = html.split("Adapter")
    assert "push-4" not in base
    assert "push-4" in adapter


def test_what_was_typed_stays_text() -> None:
    pair: Pair = ("<img src=x> **b**\n\n# h", "a  b " + "long " * 50)
    tokens = ["<", "img", "a", "b"]
    one = Explanation("<b>", tokens, [1, 1, 2, 2], [(0, 1), (1, 4), (0, 1), (3, 4)], TokenScores([1.0] * 4, 0, 0, 0))
    html = token_text([one], pair)
    assert "<img" not in html
    assert "<b>" not in html
    assert "**" not in html
    assert "\n" not in html
    assert shown(html)[0] == "<img src=x> **b** # h"
    assert html.count("push-unread") == 2
    assert html.count("long ") == 49
