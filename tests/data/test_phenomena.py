"""Phenomena that a file names: told apart while they are few."""

from qlora_core.data.phenomena import MAX_PHENOMENA, OTHERS, told_apart


def test_few_are_all_told_apart() -> None:
    names = [f"p{number % MAX_PHENOMENA}" for number in range(100)]
    assert told_apart(names) == names


def test_of_many_the_rarest_are_taken_together() -> None:
    names = [f"p{number}" for number in range(200) for _ in range(1 + (number < 40))]
    told = told_apart(names)
    assert len(told) == len(names)
    assert set(told) == {f"p{number}" for number in range(MAX_PHENOMENA)} | {OTHERS}
