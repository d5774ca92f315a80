"""What a class sends, checked, and what it is told, by whether training has begun."""

import pytest

from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess
from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, DataError, RunError
from qlora_core.evaluation.flips import Sentences, ValidationPairs
from qlora_core.server.participating.judged_pairs import JudgedPairs
from qlora_core.server.participating.participation import Participation
from qlora_core.server.rate_limit import RateLimit, RateLimitExceeded
from qlora_core.store.feed import Feeds
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

GUESS = Guess(before=0.5, after=0.9)
PAIRS = [Sentences(f"one {number}", f"other {number}", "a phenomenon") for number in range(40)]
ADDRESS = "192.0.2.1"


def read(config: RunConfig) -> ValidationPairs:
    """A run's pairs, but for those of MRPC, which are not here."""
    if config.dataset == "mrpc":
        raise DataError("No folder.")
    return ValidationPairs("fingerprint", PAIRS)


@pytest.fixture
def participation(store: RunStore) -> Participation:
    """A server's, which takes two messages from an address."""
    rate = RateLimit(of_one=(2, 0.0), of_all=(20, 0.0), refusal="Too often.")
    return Participation(Classroom(store), Feeds(store), JudgedPairs(read), rate)


@pytest.fixture
def run(store: RunStore) -> Run:
    """One that waits."""
    return store.create(RunConfig())


def test_nobody_sees_others_guesses_before_training_begins(participation: Participation, run: Run) -> None:
    participation.guess(run, "one", GUESS, ADDRESS)
    participation.guess(run, "two", Guess(before=0.5, after=0.7), ADDRESS)
    told = participation.guesses(run, "one")
    assert told == {
        "run_id": run.id,
        "open": True,
        "count": 2,
        "mine": {"before": 0.5, "after": 0.9, "between": None},
    }
    run.set_status(state="running", phase="training")
    told = participation.guesses(run, "one")
    assert [entry["mine"] for entry in told["guesses"]] == [False, True]
    assert participation.guesses(run, "")["mine"] is None


def test_a_guess_comes_too_late_once_training_has_begun(participation: Participation, run: Run) -> None:
    run.set_status(state="running", phase="training")
    with pytest.raises(RunError, match="Training has begun"):
        participation.guess(run, "one", GUESS, ADDRESS)


def test_so_much_comes_from_one_address_and_no_more(participation: Participation, run: Run) -> None:
    for name in ("one", "two"):
        participation.guess(run, name, GUESS, ADDRESS)
    with pytest.raises(RateLimitExceeded, match=r"Too often\."):
        participation.guess(run, "three", GUESS, ADDRESS)
    participation.guess(run, "three", GUESS, "192.0.2.2")


@pytest.mark.parametrize("secret", ["", "x" * 5000, "\ud800"], ids=["none", "long", "half a character"])
def test_whoever_has_no_secret_takes_no_part(secret: str, participation: Participation, run: Run) -> None:
    with pytest.raises(ConfigError, match="no usable key"):
        participation.guess(run, secret, GUESS, ADDRESS)
    with pytest.raises(ConfigError, match="no usable key"):
        participation.ask(run, secret, ADDRESS)


def test_a_judge_is_asked_pair_after_pair_and_counted(participation: Participation, run: Run) -> None:
    asked = participation.ask(run, "one", ADDRESS, 60)
    assert (asked["done"], asked["of"]) == (0, 10)
    assert asked["sentence1"] == f"one {asked['pair']}"
    assert participation.news(participation.feeds.of(run.id)) == {"open": True, "guesses": 0, "judges": 0}
    asked = participation.judge(run, "one", asked["pair"], 1, ADDRESS)
    assert asked["done"] == 1
    assert participation.news(participation.feeds.of(run.id))["judges"] == 1
    assert participation.room(run, "one", 60)["judgements"] == 1


def test_pairs_that_are_not_here_cannot_be_judged(participation: Participation, store: RunStore) -> None:
    with pytest.raises(RunError, match="not on this machine"):
        participation.ask(store.create(RunConfig(dataset="mrpc")), "one", ADDRESS, 60)
