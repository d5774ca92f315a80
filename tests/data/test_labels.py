"""Labels as files write them, and what a file's names for them mean."""

import pytest

from qlora_core.data.labels import label_of, meaning_of


@pytest.mark.parametrize(
    "value", [1, 1.0, True, "1", " 1. ", "1.000", "TRUE", "Same meaning", "is_duplicate", "a-paraphrase"]
)
def test_same(value: object) -> None:
    assert label_of(value) == (None if value == "is_duplicate" else 1)


@pytest.mark.parametrize(
    "value", [0, -0.0, False, "0", "0.0", "no", "not_equivalent", "Non-Paraphrase", "not a  duplicate"]
)
def test_different(value: object) -> None:
    assert label_of(value) == 0


@pytest.mark.parametrize(
    "value", [2, -1, 0.5, float("nan"), None, [], {}, b"1", "", "01", "1e0", "+1", "1_0", "entailment", "²"]
)
def test_neither(value: object) -> None:
    assert label_of(value) is None


@pytest.mark.parametrize(
    "names", [["0", "1"], ["not_equivalent", "equivalent"], ["False", "True"], ["different", "same"]]
)
def test_names_in_the_order_of_the_labels_are_taken(names: list[str]) -> None:
    assert meaning_of(names) == tuple(names)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["0"],
        ["1", "0"],
        ["entailment", "not_entailment"],
        ["equivalent", "not_equivalent"],
        ["0", "1", "2"],
        ["a", "b"],
    ],
)
def test_other_names_or_another_order_are_not(names: list[str]) -> None:
    assert meaning_of(names) is None
