"""What scripts are answered: what they ask for, or a sentence that says why they do not get it."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qlora_core.errors import RunError
from qlora_core.language import speaking
from qlora_core.ui.answers import Answer, answered, asked_at
from qlora_core.ui.words.page import UNREADABLE


class Asked(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    run: str


def told(asked: Asked) -> Answer:
    return {"told": asked.run}


@pytest.mark.parametrize("request_", [b'{"run": "a"}', {"run": "a"}], ids=["as JSON", "as Gradio made it"])
def test_a_question_is_answered(request_: Any) -> None:
    assert answered(Asked, request_, told) == {"told": "a"}


@pytest.mark.parametrize(
    "request_", [b"", b"{", b"\xff", b'{"run": 7}', b'{"run": "a", "more": 1}', None, 7, [], {}, {"run": []}], ids=str
)
def test_what_is_no_question_is_said_to_be_none(request_: Any) -> None:
    assert answered(Asked, request_, told) == {"error": UNREADABLE}
    with speaking("de"):
        assert answered(Asked, request_, told) != {"error": UNREADABLE}


def test_what_cannot_be_answered_says_why_on_one_line() -> None:
    def refuse(asked: Asked) -> Answer:
        raise RunError(f"There is no\nrun {asked.run}.")

    assert answered(Asked, {"run": "a"}, refuse) == {"error": "There is no run a."}


def test_a_mistake_of_ours_is_not_hidden() -> None:
    def fail(_: Asked) -> Answer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answered(Asked, {"run": "a"}, fail)


def test_an_address_takes_what_is_posted_and_knows_where_it_came_from() -> None:
    route = asked_at("some/where", lambda request, address: {"length": len(request), "address": address})
    client = TestClient(Starlette(routes=[route]), client=("192.0.2.7", 1234))
    assert client.post("/some/where", content=b"abc").json() == {"length": 3, "address": "192.0.2.7"}
    assert client.get("/some/where").status_code == 405
