"""From a question to its answer as JSON."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.answers import inside
from qlora_core.inspection.questions import ROLES, InsideQuestion

PAIR = {"first": "the ferry opened early", "second": "the ferry closed early"}
QUESTION: TypeAdapter[Any] = TypeAdapter(InsideQuestion)


def ask(predictor: Predictor, **question: object) -> Any:
    """The answer as a page has it."""
    return json.loads(json.dumps(inside(predictor, QUESTION.validate_python(question)), allow_nan=False))


def test_every_question_has_an_answer_that_json_can_hold(inspected: Predictor) -> None:
    matrix = {"layer": 0, "role": ROLES[0]}
    assert len(ask(inspected, what="block", **matrix)["codes"]) == 64
    assert ask(inspected, what="formats", **matrix)["formats"][0]["name"] == "float32"
    spectrum = ask(inspected, what="spectrum")
    assert (spectrum["layers"], len(spectrum["changes"])) == (2, 12)
    assert len(ask(inspected, what="first_steps", steps=1)) == 2
    assert len(ask(inspected, what="readings", **PAIR)["apart"]) == 3


def test_with_every_direction_the_answer_and_the_accuracy_are_the_run_s_own(inspected: Predictor) -> None:
    whole = inspected.answer([(PAIR["first"], PAIR["second"])])[0].adapter.given
    assert ask(inspected, what="at_rank", k=inspected.config.r, **PAIR)["p_same"] == pytest.approx(whole, rel=1e-5)
    assert ask(inspected, what="at_rank", k=0, **PAIR)["p_same"] != pytest.approx(whole, rel=1e-5)
    result, right, start = inspected.run.require_result(), 0, 0
    while part := ask(inspected, what="rank_accuracy", k=inspected.config.r, start=start)["n"]:
        right += ask(inspected, what="rank_accuracy", k=inspected.config.r, start=start)["right"]
        start += part
    assert right / start == pytest.approx(result["metrics"]["finetuned"]["accuracy"])


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"what": "everything"},
        {"what": "block", "layer": -1, "role": ROLES[0]},
        {"what": "block", "layer": "0", "role": ROLES[0]},
        {"what": "block", "layer": 0, "role": "x" * 41},
        {"what": "first_steps", "steps": 6},
        {"what": "at_rank", "k": 1, "first": "a" * 5001, "second": "b"},
        {"what": "spectrum", "path": "/etc"},
    ],
)
def test_a_question_that_no_page_asks_is_refused(question: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QUESTION.validate_python(question)
