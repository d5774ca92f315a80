"""How fast a key may be guessed, by a clock of the test's own."""

import pytest

from qlora_core.server.guesses import MAX_ADDRESSES, OF_ALL, OF_ONE, Guesses, TooManyGuesses


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(clock)


def taken(guesses: Guesses, address: str, most: int = 1000) -> int:
    """How many guesses an address has at once."""
    for count in range(most):
        try:
            guesses.take(address)
        except TooManyGuesses:
            return count
    return most


def test_one_address_has_a_few_guesses_and_then_one_now_and_then(guesses: Guesses, clock: Clock) -> None:
    size, rate = OF_ONE
    assert taken(guesses, "10.0.0.1") == size
    clock.now += 3 / rate
    assert taken(guesses, "10.0.0.1") == 3
    clock.now += 1000 / rate
    assert taken(guesses, "10.0.0.1") == size


def test_another_address_is_not_kept_waiting(guesses: Guesses) -> None:
    taken(guesses, "10.0.0.1")
    guesses.take("10.0.0.2")


def test_a_network_of_addresses_counts_as_one(guesses: Guesses) -> None:
    assert sum(taken(guesses, f"2001:db8::{number:x}") for number in range(1, 50)) == OF_ONE[0]


def test_all_together_are_slowed_down(guesses: Guesses, clock: Clock) -> None:
    size, rate = OF_ALL
    assert sum(taken(guesses, f"10.0.0.{number}") for number in range(100)) == size
    clock.now += 5 / rate
    assert sum(taken(guesses, f"10.0.1.{number}") for number in range(100)) == 5


def test_a_right_key_costs_nothing(guesses: Guesses) -> None:
    for _ in range(10 * OF_ALL[0]):
        guesses.take("10.0.0.1")
        guesses.give_back("10.0.0.1")
    assert taken(guesses, "10.0.0.1") == OF_ONE[0]


def test_it_remembers_a_bounded_number_of_addresses(guesses: Guesses, clock: Clock) -> None:
    for number in range(3 * MAX_ADDRESSES):
        clock.now += 1
        guesses.take(f"10.{number // 250}.{number % 250}.1")
    assert len(guesses._by_network) == MAX_ADDRESSES


@pytest.mark.parametrize("address", ["", "testclient", "not an address", "::ffff:10.0.0.1"])
def test_an_address_that_is_none_is_an_address_like_another(address: str, guesses: Guesses) -> None:
    assert taken(guesses, address) == OF_ONE[0]
