"""What is said of pairs that are longer than a model reads."""

from qlora_core.evaluation.truncation import some_truncated_words, truncation_words

COUNTS = {"train": 48, "validation": 12, "train_truncated": 40, "validation_truncated": 0}


def test_both_splits_are_named_where_one_has_such_pairs() -> None:
    assert truncation_words(COUNTS, 128) == (
        "40 of 48 training and 0 of 12 validation pairs are longer than 128 tokens; their ends were not read."
    )


def test_nothing_is_said_where_all_were_read_or_nobody_counted() -> None:
    assert truncation_words(COUNTS | {"train_truncated": 0}, 128) == ""
    assert truncation_words({"train": 48, "validation": 12}, 128) == ""
    assert some_truncated_words(0, 9, 128) == ""


def test_of_pairs_that_a_finished_run_is_asked_there_is_one_number() -> None:
    assert some_truncated_words(3, 9, 64) == "3 of 9 pairs are longer than 64 tokens; their ends were not read."
