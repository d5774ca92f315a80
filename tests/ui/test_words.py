"""Facts become sentences: numbers in their units, and nothing claimed that is not so."""

from qlora_core.ui.words import compare, train


def test_what_a_run_takes_is_said_in_seconds_or_minutes_and_gigabytes() -> None:
    said = train.expected("a CPU", (61.2, 89.9), (0.9e9, 1.23e9), "memory")
    assert said == "Expected on a CPU: **61 s to 90 s**, 0.9 to 1.2 GB of memory, measured on a few batches."
    assert "**1.5 min to 10.0 min**" in train.expected("a CPU", (90, 600), (0, 0), "memory")


def test_the_trained_part_is_a_share_of_all_parameters() -> None:
    said = train.trained_part(812_162, 23_526_148, 3_250_000)
    assert said == "Trains **812,162** of 23,526,148 parameters (3.5\u00a0%); the adapter takes 3.2 MB."


def test_a_name_that_is_not_known_is_not_repeated() -> None:
    assert train.no_such("preset", ["a", "b"]) == "There is no preset of that name. Choose one of: a, b."


def test_a_probability_never_claims_certainty() -> None:
    numbers = [compare.number(p) for p in (0.0, 0.0049, 0.005, 0.5, 0.995, 0.9951, 1.0)]
    assert numbers == ["under 0.01", "under 0.01", "0.01", "0.50", "0.99", "over 0.99", "over 0.99"]


def test_of_many_pairs_those_are_counted_that_were_not_read_to_the_end() -> None:
    assert compare.many_answered(1, 3, 0) == (
        "**1 of 3** pairs are answered differently. Numbers are the probability of “same”."
    )
    assert compare.many_answered(1, 3, 2).endswith("Of 2 long ones, only the beginning was read.")
