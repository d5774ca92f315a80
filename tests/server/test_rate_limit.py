"""How often something may be tried, by a clock of the test's own."""

import pytest

from qlora_core.server.rate_limit import MAX_ADDRESSES, OF_ALL, OF_ONE, RateLimit, RateLimitExceeded
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> RateLimit:
    return RateLimit(clock)


def taken(attempts: RateLimit, address: str, most: int = 1000) -> int:
    """How many attempts an address has at once."""
    for count in range(most):
        try:
            attempts.take(address)
        except RateLimitExceeded:
            return count
    return most


def test_one_address_has_a_few_attempts_and_then_one_now_and_then(attempts: RateLimit, clock: Clock) -> None:
    size, rate = OF_ONE
    assert taken(attempts, "10.0.0.1") == size
    clock.now += 3 / rate
    assert taken(attempts, "10.0.0.1") == 3
    clock.now += 1000 / rate
    assert taken(attempts, "10.0.0.1") == size


def test_another_address_is_not_kept_waiting(attempts: RateLimit) -> None:
    taken(attempts, "10.0.0.1")
    attempts.take("10.0.0.2")


def test_a_network_of_addresses_counts_as_one(attempts: RateLimit) -> None:
    assert sum(taken(attempts, f"2001:db8::{number:x}") for number in range(1, 50)) == OF_ONE[0]


def test_all_together_are_slowed_down(attempts: RateLimit, clock: Clock) -> None:
    size, rate = OF_ALL
    assert sum(taken(attempts, f"10.0.0.{number}") for number in range(100)) == size
    clock.now += 5 / rate
    assert sum(taken(attempts, f"10.0.1.{number}") for number in range(100)) == 5


def test_a_right_key_costs_nothing(attempts: RateLimit) -> None:
    for _ in range(10 * OF_ALL[0]):
        attempts.take("10.0.0.1")
        attempts.give_back("10.0.0.1")
    assert taken(attempts, "10.0.0.1") == OF_ONE[0]


def test_it_remembers_a_bounded_number_of_addresses(attempts: RateLimit, clock: Clock) -> None:
    for number in range(3 * MAX_ADDRESSES):
        clock.now += 1
        attempts.take(f"10.{number // 250}.{number % 250}.1")
    assert len(attempts._by_network) == MAX_ADDRESSES


@pytest.mark.parametrize("address", ["", "testclient", "not an address", "::ffff:10.0.0.1"])
def test_an_address_that_is_none_is_an_address_like_another(address: str, attempts: RateLimit) -> None:
    assert taken(attempts, address) == OF_ONE[0]
