"""A sentence is what a tokenizer makes tokens of."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.data.sentences import PIECE, is_empty


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.mark.parametrize(
    "text",
    ["", " \t\n", "\u3000", "\u200b\u200d", "\ufeff", "\xad", "\ufffd", "\0", "\u0301", "\ue000", "\u200b" * 999],
)
def test_what_cannot_be_seen_is_empty(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize("text", [".", "a", "é", "语", "😀", "\u200b.", "\u200b" * PIECE + "a", "😀" * 5000, "\ud800"])
def test_what_can_be_seen_is_not(text: str) -> None:
    assert not is_empty(text)


@given(text=st.text(st.characters(codec="utf-8", categories=["C", "Z", "M", "P", "S", "Lo"]), max_size=6))
def test_empty_is_what_the_tokenizer_makes_no_token_of(
    text: str, tokenizer: Callable[..., dict[str, list[int]]]
) -> None:
    assert is_empty(text) == (not tokenizer(text, add_special_tokens=False)["input_ids"])
