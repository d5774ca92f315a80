"""What a visitor asks is checked before a model sees it."""

import pytest

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS, check_pair, check_scale, check_sentence
from qlora_core.errors import DataError


def test_a_sentence_is_stripped() -> None:
    assert check_pair(" One. ", "\tAnother.\n") == ("One.", "Another.")


@pytest.mark.parametrize("value", ["", "  \n\t", "\u3000", "\u200b\u200d", "\ufeff", "\u0301", None, 3, ["a"], b"a"])
def test_an_empty_sentence_or_none_at_all_is_refused_by_name(value: object) -> None:
    with pytest.raises(DataError, match=r"^Sentence 2 is empty\. Write a sentence\.$"):
        check_pair("One.", value)


def test_a_sentence_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert len(check_sentence("a" * MAX_SENTENCE_CHARACTERS, "It")) == 5_000
    with pytest.raises(DataError, match=r"^It has 5,001 characters; at most 5,000 are read\. Shorten it\.$"):
        check_sentence("a" * (MAX_SENTENCE_CHARACTERS + 1), "It")


@pytest.mark.parametrize("text", ["😀👩‍👩‍👧", "مرحبا بالعالم", "e\u0301", "a\u200b", "a\0b"])
def test_any_unicode_is_left_as_it_is(text: str) -> None:
    assert check_sentence(text, "It") == text


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert check_sentence("a\ud83db", "It") == "a?b"


@pytest.mark.parametrize("value", [0, 1, 1.5, 0.25])
def test_a_scale_within_its_limits_is_a_float(value: float) -> None:
    assert check_scale(value) == value


@pytest.mark.parametrize("value", [-0.01, 1.51, float("nan"), float("inf"), "1", None, True])
def test_another_scale_is_refused(value: object) -> None:
    with pytest.raises(DataError, match=r"^The adapter's scale has to be a number between 0 and 1\.5\.$"):
        check_scale(value)
