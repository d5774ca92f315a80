"""The lists of choices: every entry has its words, and says what the code asks of it."""

from collections.abc import Mapping

import pytest

from qlora_core.choices import COMPUTE_DTYPES, MODULES_TO_SAVE, SCHEDULERS, SCHEMES, Choice, either, explained

TABLES = {"schemes": SCHEMES, "number types": COMPUTE_DTYPES, "saved": MODULES_TO_SAVE, "schedules": SCHEDULERS}


@pytest.mark.parametrize("choices", TABLES.values(), ids=TABLES)
def test_every_choice_has_a_label_and_help_that_can_follow_a_colon(choices: Mapping[str, Choice]) -> None:
    for name, choice in choices.items():
        assert choice.name == name
        assert choice.label
        assert len(choice.help.split()) >= 3
        assert not choice.help.endswith(".")


def test_four_bit_schemes_and_no_others_have_a_type_of_bitsandbytes() -> None:
    assert {scheme.bits for scheme in SCHEMES.values()} <= {4, 8, None}
    assert all((scheme.bits == 4) == bool(scheme.bnb_4bit_quant_type) for scheme in SCHEMES.values())


def test_a_table_is_explained_in_one_sentence() -> None:
    assert explained({"a": Choice("a", "A", "the first"), "b": Choice("b", "B", "the other")}) == (
        "A: the first; B: the other."
    )


@pytest.mark.parametrize(("names", "words"), [(["a"], "a"), (["a", "b"], "a or b"), ("abc", "a, b or c")])
def test_alternatives_are_listed_as_in_a_sentence(names: list[str], words: str) -> None:
    assert either(names) == words
