"""What two models say of pairs, as their own predictors do; and nothing imported too early."""

import json
import subprocess
import sys

import pytest

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS
from qlora_core.errors import DataError, RunError
from qlora_core.evaluation.predictor import Predictor
from qlora_core.server.answering.asker import Asker
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.answers import answer_in_parts, compare, compare_pair
from qlora_core.ui.compare.sides import Sides

PAIR = ("the ferry opened early on day 3", "the ferry closed early on day 3")


def sides(run: Run, first: Run | None = None, scale: float = 1.0) -> Sides:
    return Sides(first, run, scale)


def test_the_answers_of_a_comparison_are_the_predictors(services: Services, run: Run) -> None:
    predictor = Predictor(run)
    (expected,) = predictor.answer([PAIR], 0.5)
    against_base = compare(services, sides(run, None, 0.5), [PAIR])
    assert (against_base.first, against_base.second) == ([expected.base], [expected.adapter])
    (trained,) = predictor.answer([PAIR])
    two = compare(services, sides(run, run, 0.5), [PAIR])
    assert (two.first, two.second) == ([trained.adapter], [expected.adapter])
    assert two.notes == []
    long = " ".join(["ferry"] * 300)
    assert compare(services, sides(run, run), [PAIR, (long, long)]).truncated == [False, True]


def test_the_endpoint_answers_what_json_has(services: Services, run: Run) -> None:
    answer = compare_pair(services, run.id, *PAIR, scale=0)
    assert json.loads(json.dumps(answer)) == answer
    assert set(answer) == {"run", "scale", "base", "adapter", "truncated"}
    assert answer["base"] == answer["adapter"]
    given = compare_pair(services, "", *PAIR)
    assert (given["run"], given["truncated"]) == (run.id, False)
    assert given["adapter"] != given["base"]
    probability = given["adapter"]["swapped"]["probability_same"]
    assert given["adapter"]["swapped"]["label"] == ("same" if probability > 0.5 else "different")


@pytest.mark.parametrize(
    "question",
    [
        ("", *PAIR),
        ("../../etc", *PAIR),
        (7, *PAIR),
        (["x"], *PAIR),
        ("none", "", "b"),
        ("none", "x" * (MAX_SENTENCE_CHARACTERS + 1), "b"),
        ("none", None, {}),
        ("none", *PAIR, 2),
        ("none", *PAIR, float("nan")),
        ("none", *PAIR, "1"),
    ],
)
def test_the_endpoint_refuses_in_words(services: Services, question: tuple[object, ...]) -> None:
    with pytest.raises((RunError, DataError)):
        compare_pair(services, *question)  # type: ignore[arg-type]


def test_the_page_is_built_without_torch(environment: dict[str, str]) -> None:
    names = ("tab", "answers", "sides", "tokens", "pair_file", "examples", "answer_cards")
    imports = "".join(f"import qlora_core.ui.compare.{name}\n" for name in names)
    check = "import sys\nprint(sorted({'torch', 'transformers', 'peft', 'datasets', 'captum'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", imports + check], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_answers_in_parts_are_those_of_each_pair_in_order(finished_run: Run) -> None:
    predictor = Predictor(finished_run)
    pairs = [("the ferry opened early", f"the ferry closed on day {number}") for number in range(17)]
    told: list[tuple[int, int]] = []
    asker = Asker()
    answers = answer_in_parts(asker, finished_run, pairs, 0.5, lambda *done: told.append(done)).answers
    asker.close()
    assert told == [(8, 17), (16, 17), (17, 17)]
    for pair, answer in zip(pairs, answers, strict=True):
        (alone,) = predictor.answer([pair], 0.5)
        assert answer.adapter.given == pytest.approx(alone.adapter.given, abs=2e-2)  # bfloat16, other companions
    assert len({answer.adapter.given for answer in answers}) > 10
