"""Pushing from the page: only where visitors can sign in, only after they have, and a sentence for every outcome."""

import gc
import warnings
from typing import Any

import gradio as gr
import pytest

from qlora_core.errors import HubError, HubProblem
from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run
from qlora_core.ui.results import push_panel
from qlora_core.ui.results.push_panel import pushed
from qlora_core.ui.results.tab import results_tab
from qlora_core.ui.words import finished as words

TOKEN = gr.OAuthToken(token="hf_TokenOfAVisitor", scope="contribute-repos", expires_at=2_000_000_000)


@pytest.fixture
def services(finished_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Services:
    return make_services(finished_run.path.parent, tmp_path_factory.mktemp("recorded"), "the-owner")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was pushed."""
    found: list[tuple[Any, ...]] = []

    def push(run: Run, repository: str, token: str, listener: object, *, private: bool) -> str:
        del listener
        found.append((run.id, repository, token, private))
        return f"https://hub.example/somebody/{repository}"

    monkeypatch.setattr(push_panel, "push", push)
    return found


def press(services: Services, run_ids: object, name: object, for_all: object, token: gr.OAuthToken | None) -> str:
    return pushed(services, run_ids, name, for_all, token, gr.Progress())


def labels(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the buttons of the tab say; signing in needs packages that a Space adds."""
    monkeypatch.setattr(gr, "LoginButton", lambda value, _signed_in, **looks: gr.Button(value, **looks))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops open
        with gr.Blocks() as page, gr.Tab("Results"):
            results_tab(services)
        gc.collect()
    return [str(block.value) for block in page.blocks.values() if isinstance(block, gr.Button)]


def test_the_panel_is_there_only_where_visitors_can_sign_in(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OAUTH_CLIENT_ID", raising=False)
    assert not {words.SIGN_IN, words.PUSH_NOW} & set(labels(services, monkeypatch))
    monkeypatch.setenv("OAUTH_CLIENT_ID", "a-client")
    assert {words.SIGN_IN, words.PUSH_NOW} <= set(labels(services, monkeypatch))


def test_whoever_has_not_signed_in_is_told_to(
    services: Services, finished_run: Run, asked: list[tuple[Any, ...]]
) -> None:
    assert press(services, [finished_run.id], "name", False, None) == words.SIGN_IN_FIRST
    assert asked == []


@pytest.mark.parametrize(
    ("name", "for_all", "expected"),
    [("paraphrases", False, ("paraphrases", True)), ("", True, (None, False)), ("a", "yes", ("a", True))],
)
def test_a_run_is_pushed_for_its_visitor_alone_unless_they_choose_otherwise(
    name: str,
    for_all: object,
    expected: tuple[str | None, bool],
    services: Services,
    finished_run: Run,
    asked: list[tuple[Any, ...]],
) -> None:
    said = press(services, [finished_run.id], name, for_all, TOKEN)
    repository, private = expected[0] or finished_run.id, expected[1]
    assert asked == [(finished_run.id, repository, TOKEN.token, private)]
    assert said == words.pushed(f"https://hub.example/somebody/{repository}")


def test_what_is_refused_is_a_sentence_that_cannot_be_markup(
    services: Services, finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise HubError("No. The hub says: <img src=x> [a](b)", HubProblem.FORBIDDEN)

    monkeypatch.setattr(push_panel, "push", refuse)
    said = press(services, [finished_run.id], "name", False, TOKEN)
    assert said.startswith("**That could not be pushed.** No")
    assert "<img" not in said
    assert "](" not in said
    assert TOKEN.token not in said


@pytest.mark.parametrize("run_ids", [None, [], ["no-such-run"], "text"])
def test_what_is_no_run_is_not_pushed(run_ids: object, services: Services, asked: list[tuple[Any, ...]]) -> None:
    assert press(services, run_ids, "name", False, TOKEN).startswith("**That could not be pushed.**")
    assert asked == []
