"""Judging: which pairs whom, each answered once, and what the room comes to."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from qlora_core.classroom import judgements as module
from qlora_core.classroom.agreement import fleiss_kappa
from qlora_core.classroom.books import BookFull
from qlora_core.classroom.draw import JUDGES_OF_A_PAIR, PAIRS_OF_A_JUDGE, count_given, draw
from qlora_core.classroom.judgements import GIVEN_SECONDS, Judge, JudgementBook, pairs_key
from qlora_core.classroom.scores import Answered, Votes, answered_by, room_report, votes_of
from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.evaluation.flips import Sentences
from tests.clock import Clock
from tests.recorded import recorded_run

PHENOMENA = [f"phenomenon {number % 17}" for number in range(340)]
PAIRS = [Sentences(f"one {number}", f"other {number}", name) for number, name in enumerate(PHENOMENA)]


@pytest.fixture
def clock() -> Clock:
    """One that stands."""
    return Clock()


@pytest.fixture
def book(tmp_path: Path, clock: Clock) -> JudgementBook:
    """An empty one."""
    return JudgementBook(tmp_path / "judgements" / "key.json", clock)


def drawn_by(judges: int, phenomena: list[str]) -> list[list[int]]:
    """What so many judges are given, one after the other."""
    drawn: list[list[int]] = []
    for judge in range(judges):
        drawn.append(draw(phenomena, count_given(drawn), f"judge {judge}"))
    return drawn


def test_thirty_judges_see_every_phenomenon_equally_often_and_pairs_have_three_judges() -> None:
    drawn = drawn_by(30, PHENOMENA)
    assert all(len(set(pairs)) == PAIRS_OF_A_JUDGE for pairs in drawn)
    by_phenomenon = Counter(PHENOMENA[pair] for pairs in drawn for pair in pairs)
    assert len(by_phenomenon) == 17
    assert max(by_phenomenon.values()) - min(by_phenomenon.values()) <= 1
    by_pair = count_given(drawn)
    assert max(by_pair.values()) == JUDGES_OF_A_PAIR
    assert sum(count == JUDGES_OF_A_PAIR for count in by_pair.values()) > 0.7 * len(by_pair)


def test_pairs_without_phenomena_have_three_judges_as_well() -> None:
    by_pair = count_given(drawn_by(30, [""] * 408))
    assert set(by_pair.values()) == {JUDGES_OF_A_PAIR}


def test_more_judges_than_pairs_judge_those_again_that_have_fewest() -> None:
    by_pair = count_given(drawn_by(12, [""] * 20))
    assert set(by_pair.values()) == {6}


def test_of_few_pairs_a_judge_is_given_all() -> None:
    assert sorted(draw(["a", "b", "b"], {}, "judge")) == [0, 1, 2]


def test_two_who_begin_at_once_are_asked_in_different_orders() -> None:
    assert draw(PHENOMENA, {}, "one") != draw(PHENOMENA, {}, "two")


def test_judging_goes_on_where_it_was_left_and_each_pair_is_answered_once(book: JudgementBook, tmp_path: Path) -> None:
    judge = book.begin("secret", PAIRS)
    first, second = judge.given[:2]
    assert book.answer("secret", first, 1).next == second
    assert book.answer("secret", first, 0).answers == (1,), "a second click changes nothing"
    with pytest.raises(RunError, match="not the pair that you are asked now"):
        book.answer("secret", judge.given[5], 1)
    with pytest.raises(RunError, match="not the pair that you are asked now"):
        book.answer("nobody", first, 1)
    (file,) = tmp_path.rglob("*.json")
    again = JudgementBook(file).begin("secret", PAIRS)
    assert (again.given, again.answers) == (judge.given, (1,))
    assert "secret" not in file.read_text()
    assert "one " not in file.read_text(), "no sentence is kept"
    for pair in judge.given[1:]:
        last = book.answer("secret", pair, 0)
    assert last.next is None


def test_thirty_who_begin_at_once_are_given_different_pairs(book: JudgementBook) -> None:
    with ThreadPoolExecutor(30) as threads:
        judges = list(threads.map(lambda number: book.begin(f"browser {number}", PAIRS), range(30)))
    assert max(count_given(judge.given for judge in judges).values()) == JUDGES_OF_A_PAIR


def test_pairs_of_somebody_who_went_away_are_given_to_others(book: JudgementBook, clock: Clock) -> None:
    lost = book.begin("went away", PAIRS)
    book.answer("went away", lost.given[0], 1)
    clock.now += GIVEN_SECONDS + 1
    judges = [book.begin(f"browser {number}", PAIRS) for number in range(30)]
    by_pair = count_given(judge.given for judge in judges)
    assert by_pair[lost.given[0]] == JUDGES_OF_A_PAIR - 1
    assert len(book.judges()) == 1, "whoever has answered nothing is no judge"


def test_judges_are_bounded_and_those_who_answered_nothing_make_room(
    book: JudgementBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_JUDGES", 2)
    for name in ("one", "two"):
        given = book.begin(name, PAIRS).given
        if name == "one":
            book.answer(name, given[0], 1)
    book.answer("three", book.begin("three", PAIRS).given[0], 1)
    with pytest.raises(BookFull):
        book.begin("four", PAIRS)


def test_other_sentences_are_judged_anew(book: JudgementBook) -> None:
    book.answer("secret", book.begin("secret", PAIRS).given[0], 1)
    assert book.begin("secret", PAIRS[::-1]).answers == ()


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"seed": 1, "r": 4}, True),
        ({"max_train_samples": 100}, True),
        ({"max_eval_samples": 50}, False),
        ({"dataset": "mrpc"}, False),
    ],
    ids=str,
)
def test_runs_on_the_same_validation_pairs_share_their_judges(changes: dict[str, object], same: bool) -> None:
    assert (pairs_key(RunConfig(**changes)) == pairs_key(RunConfig())) is same


def test_a_file_is_split_by_the_seed_and_known_by_its_content(tmp_path: Path) -> None:
    one, copy, other = (tmp_path / name for name in ("one.jsonl", "copy.jsonl", "other.jsonl"))
    for path, text in ((one, "a"), (copy, "a"), (other, "b")):
        path.write_text(text)
    key = pairs_key(RunConfig(dataset=str(one)))
    assert key == pairs_key(RunConfig(dataset=str(copy)))
    assert key != pairs_key(RunConfig(dataset=str(other)))
    assert key != pairs_key(RunConfig(dataset=str(one), seed=1))
    whole = [pairs_key(RunConfig(dataset=str(one), validation_file=str(other), seed=seed)) for seed in (0, 1)]
    assert whole[0] == whole[1]


def test_kappa_is_that_of_every_two_raters_of_a_pair() -> None:
    votes = [(5, 0), (4, 1), (0, 5), (2, 3), (5, 0)]
    agreeing = [(one * (one - 1) + other * (other - 1)) / 20 for one, other in votes]  # Fleiss 1971, formula 1
    share = sum(one for one, _ in votes) / 25
    chance = share**2 + (1 - share) ** 2
    expected = (sum(agreeing) / 5 - chance) / (1 - chance)
    assert fleiss_kappa(votes) == pytest.approx(expected)


def test_kappa_of_unequal_numbers_leaves_out_pairs_with_one_rater() -> None:
    assert fleiss_kappa([(2, 0), (0, 3), (1, 0)]) == pytest.approx(1.0)
    # Fleiss & Cuzick 1979: 1 - sum(n p q) / (N (mean n - 1) P Q), here with n = 2 and 4, p = 1/2 and 3/4, P = 4/6
    assert fleiss_kappa([(1, 1), (3, 1)]) == pytest.approx(1 - (0.5 + 0.75) / (2 * 2 * (4 / 6) * (2 / 6)))


@pytest.mark.parametrize("votes", [[], [(1, 0), (0, 1)], [(3, 0), (2, 0)]], ids=str)
def test_kappa_is_nothing_where_nothing_can_be_compared(votes: list[tuple[int, int]]) -> None:
    assert fleiss_kappa(votes) is None


def judge(given: range, answers: list[int]) -> Judge:
    """Who has answered these pairs so."""
    return Judge.model_validate({"given": list(given), "answers": answers, "at": 0})


#: The labels of 12 pairs, and what a model says that has two of them wrong.
ANSWERED = Answered(
    np.array([1, 0] * 6),
    {"finetuned": np.array([0, 1, *[1, 0] * 5]), "majority": np.ones(12, dtype=int)},
)
ROOM = [
    judge(range(10), [1, 0] * 5),
    judge(range(10), [1, 0] * 5),
    judge(range(10), [1, 0, 0, 1, 1, 0, 1, 0, 1, 0]),
    judge(range(2, 12), [0, 1, 1, 0, 1, 0, 1, 0, 1, 0]),
]


def test_the_room_answers_as_most_do_and_half_where_as_many_do() -> None:
    report = room_report(ROOM, None, ANSWERED, PAIRS[:12])
    assert (report["judges"], report["judgements"], report["pairs"]) == (4, 40, 12)
    scores = report["scores"]
    assert scores["accuracy"] == pytest.approx((10 + 2 * 0.5) / 12)  # pairs 2 and 3: two against two
    assert scores["single_accuracy"] == pytest.approx(36 / 40)
    assert scores["models"]["finetuned"] == pytest.approx(10 / 12)
    assert scores["models"]["majority"] == pytest.approx(0.5)
    assert scores["finetuned_gain"] == pytest.approx(-1 / 12)
    for name, value in (("accuracy_ci95", "accuracy"), ("finetuned_gain_ci95", "finetuned_gain")):
        low, high = scores[name]
        assert low <= scores[value] <= high
        assert low < high
    assert scores["kappa"] == pytest.approx(fleiss_kappa((vote.same, vote.different) for vote in votes_of(ROOM)))
    assert scores["kappa_pairs"] == 10
    assert [(row["pair"], row["same"], row["different"]) for row in scores["disagreements"]] == [(2, 2, 2), (3, 2, 2)]
    assert scores["disagreements"][0]["sentence1"] == "one 2"
    assert scores["phenomena"][0] == {
        "name": "phenomenon 0",
        "pairs": 1,
        "judgements": 3,
        "accuracy": 1.0,
        "finetuned": 0.0,
    }


def test_the_models_are_measured_on_the_judged_pairs_alone() -> None:
    judges = [judge(range(2, 12), [1, 0] * 5)] * 3
    assert room_report(judges, None, ANSWERED, PAIRS[:12])["scores"]["models"]["finetuned"] == 1.0


def test_too_few_judgements_are_no_room() -> None:
    report = room_report(ROOM[:2], ROOM[0], ANSWERED, PAIRS[:12])
    assert report["enough"] is False
    assert report["scores"] is None
    assert report["mine"] == {"right": 10, "pairs": 10}


def test_before_the_run_has_ended_nobody_is_told_who_is_right() -> None:
    report = room_report(ROOM, ROOM[0], None, PAIRS[:12])
    assert (report["ended"], report["scores"], report["mine"]) == (False, None, None)


def test_without_the_sentences_the_numbers_are_told() -> None:
    scores = room_report(ROOM, None, ANSWERED, [])["scores"]
    assert scores["phenomena"] == []
    assert scores["disagreements"][0]["sentence1"] == ""


def test_numbers_of_pairs_that_a_run_does_not_have_are_left_out() -> None:
    strangers = [judge(range(100, 110), [1] * 10)] * 3
    assert room_report([*ROOM, *strangers], strangers[0], ANSWERED, [])["scores"]["kappa_pairs"] == 10
    assert room_report(strangers, strangers[0], ANSWERED, [])["scores"] is None


def test_a_runs_own_answers_are_read_from_its_predictions() -> None:
    answered = answered_by(recorded_run("standard"))
    assert answered is not None
    accuracy = (answered.answers["finetuned"] == answered.labels).mean()
    result = recorded_run("standard").require_result()
    assert accuracy == pytest.approx(result["metrics"]["finetuned"]["accuracy"])
    assert {"majority", "linear_probe", "untrained_head", "finetuned"} <= answered.answers.keys()


@pytest.mark.parametrize(("vote", "right"), [(Votes(0, 2, 1), 1.0), (Votes(0, 1, 2), 0.0), (Votes(0, 1, 1), 0.5)])
def test_a_vote_is_right_by_its_majority(vote: Votes, right: float) -> None:
    assert vote.right(1) == right
