"""Work in a process of its own: its answer, its refusals, its end, and what is not known of a secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from qlora_core.child_process import module_command
from qlora_core.errors import HubError, HubProblem, RunFailure, UserError
from qlora_core.language import Figure, Message
from qlora_core.server.processes import apart, forking
from qlora_core.server.processes.forking import ForkServer
from tests.conftest import ignore, wait_until

PROGRAM, TOKEN = "tests.server.processes.apart_program", "hf_ATokenThatNobodyMaySee"

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("working_apart")]


def ask(do: str, seconds: float = 60, **options: Any) -> dict[str, Any]:
    return apart.ask(PROGRAM, {"do": do, "token": TOKEN}, ignore, seconds=seconds, secret=TOKEN, **options)


def test_it_answers_and_tells_what_it_does() -> None:
    told: list[tuple[str, Any]] = []
    answer = apart.ask(
        PROGRAM, {"do": "look", "token": TOKEN}, lambda kind, fields: told.append((kind, fields)), seconds=60
    )
    seen = Message("{n} seen", {"n": Figure(1000)})
    assert told == [
        ("phase", {"message": "looking"}),
        ("phase", {"message": seen}),
        ("progress", {"done": 1, "total": 2}),
    ]
    assert answer["niceness"] == forking.NICENESS


def test_a_secret_is_in_no_command_line_and_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_TokenOfTheServersOwner")
    seen = json.dumps(ask("look"))
    assert "apart_program" in seen
    assert TOKEN not in seen
    assert "hf_TokenOfTheServersOwner" not in seen


def test_a_secret_that_is_printed_does_not_get_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RunFailure, match="the server's log says why") as caught:
        ask("fail")
    assert "printed by Python: ..." in caplog.text
    assert TOKEN not in caplog.text + str(caught.value)


def test_a_refusal_arrives_as_what_it_was() -> None:
    with pytest.raises(UserError, match=r"^No such run\.$"):
        ask("refuse")
    with pytest.raises(HubError) as caught:
        ask("refuse by the hub")
    assert caught.value.problem == HubProblem.NAME_TAKEN


def test_what_takes_too_long_is_ended_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunFailure, match="took too long"):
        ask("hang", seconds=3, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("do", "words"), [("be killed", "more memory"), ("be silent", "log says why")])
def test_a_process_that_says_nothing_is_a_sentence(do: str, words: str) -> None:
    with pytest.raises(RunFailure, match=words):
        ask(do)


def test_a_lack_of_memory_is_told_in_the_askers_own_words() -> None:
    with pytest.raises(UserError, match="Keep a part of it"):
        ask("take too much", ends=apart.Ends(no_memory="Keep a part of it.", kind=UserError))


def test_a_fork_answers_as_well_and_knows_no_token_of_the_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_TokenOfTheServersOwner")
    server = ForkServer(module_command("tests.server.processes.light_fork_server"))
    server.start()
    try:
        wait_until(server.is_ready)
        seen = ask("look", fork_server=server)
    finally:
        server.close()
    assert "light_fork_server" in " ".join(seen["command"])
    assert "hf_TokenOfTheServersOwner" not in json.dumps(seen["environment"])
