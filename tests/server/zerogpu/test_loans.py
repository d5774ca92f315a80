"""Runs on borrowed GPUs as the page's process sees them, with a stand-in for ZeroGPU."""

import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from threading import Event

import pytest

from qlora_core.config import make_config
from qlora_core.errors import QueueError, RunError
from qlora_core.loans import LoanEnd
from qlora_core.server.zerogpu import loans as loans_module
from qlora_core.server.zerogpu.carrying import carry_forward
from qlora_core.server.zerogpu.lender import MESSAGES, TITLES, Lend, News, Refused, refusal
from qlora_core.server.zerogpu.loans import Loans, take
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import wait_until

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="nobody's")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """News come at once."""
    monkeypatch.setattr(loans_module, "NEWS_SECONDS", 0.005)


@pytest.fixture
def lending(store: RunStore) -> Callable[[Lend], Loans]:
    return lambda lend: Loans(store, lend)


def refusing(end: LoanEnd, told: str = "") -> Lend:
    def lend(run_directory: str, seconds: float) -> News:
        del run_directory, seconds
        raise Refused(end, told)
        yield {}

    return lend


def new_run(loans: Loans, seed: int = 0, owner: str = "me") -> Run:
    return loans.submit(make_config(seed=seed), owner)


@pytest.mark.parametrize("end", LoanEnd)
def test_whatever_keeps_a_gpu_from_being_lent_is_in_the_status(lending: Callable[[Lend], Loans], end: LoanEnd) -> None:
    loans = lending(refusing(end, "More of it."))
    run = new_run(loans)
    list(loans.borrow(run))
    assert (run.status.state, run.status.loan_end, run.status.is_resumable) == ("interrupted", end, True)
    assert "More of it." in run.status.message
    assert loans.at_work() == []


def test_a_fault_of_our_own_leaves_no_run_at_work_for_ever(
    lending: Callable[[Lend], Loans], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)

    def lend(run_directory: str, seconds: float) -> News:
        raise AssertionError(run_directory, seconds)
        yield {}

    loans = lending(lend)
    run = new_run(loans)
    list(loans.borrow(run))
    assert (run.status.state, run.status.loan_end) == ("interrupted", "failed")


def test_the_request_of_whoever_borrows_is_the_one_that_pays(lending: Callable[[Lend], Loans]) -> None:
    paid = []

    def lend(run_directory: str, seconds: float) -> News:
        del run_directory, seconds
        paid.append(REQUEST.get())
        yield {}

    loans = lending(lend)
    token = REQUEST.set("mine")
    list(loans.borrow(new_run(loans)))
    REQUEST.reset(token)
    assert paid == ["mine"]


def test_a_page_that_is_closed_waits_for_nothing_and_the_gpu_is_given_back(lending: Callable[[Lend], Loans]) -> None:
    begun, may_end, given_back = Event(), Event(), Event()

    def lend(run_directory: str, seconds: float) -> News:
        del run_directory, seconds
        try:
            begun.set()
            while True:
                may_end.wait(0.005)
                yield {}
        finally:
            may_end.wait()
            given_back.set()

    loans = lending(lend)
    run = new_run(loans)
    borrowing: Iterator[None] = loans.borrow(run)
    next(borrowing)
    begun.wait()
    borrowing.close()  # type: ignore[attr-defined]
    assert not given_back.is_set()
    may_end.set()
    wait_until(lambda: loans.at_work() == [])
    assert given_back.is_set()
    assert run.status.loan_end == "left"


def test_runs_that_no_gpu_was_borrowed_for_are_bounded(
    lending: Callable[[Lend], Loans], monkeypatch: pytest.MonkeyPatch
) -> None:
    loans = lending(refusing(LoanEnd.QUOTA))
    runs = [new_run(loans, seed) for seed in range(loans_module.MAX_UNBEGUN)]
    with pytest.raises(QueueError, match=r"^You have 5 runs already"):
        new_run(loans, 99)
    new_run(loans, owner="you")
    runs[0].delete()
    monkeypatch.setattr(loans_module, "MAX_UNBEGUN_IN_ALL", 6)
    new_run(loans, 100)
    with pytest.raises(QueueError, match="Too many runs"):
        new_run(loans, owner="they")


def test_the_errors_of_spaces_are_told_apart_by_what_they_are() -> None:
    assert {refusal(title, "").end for title in TITLES} == set(TITLES.values())
    assert {refusal("ZeroGPU client error", message).end for message in MESSAGES} == set(MESSAGES.values())
    assert refusal("ZeroGPU worker error", "ValueError").end == LoanEnd.FAILED
    assert refusal("ZeroGPU quota exceeded", "Try again  in\n3:12:05. ").told == "Try again in 3:12:05."


def test_what_spaces_says_is_still_said_there() -> None:
    spec = find_spec("spaces")  # found, not imported: it would look for a GPU
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "zero"
    source = "".join((folder / name).read_text(encoding="utf-8") for name in ("client.py", "wrappers.py"))
    assert not [words for words in (*TITLES, *MESSAGES) if f'"{words}"' not in source]


def test_a_loan_that_is_over_at_once_ends_the_run_in_order(store: RunStore) -> None:
    run = store.create(make_config(), on_loan=True)
    news = carry_forward(str(run.path), 0.0, "half")
    next(news)
    news.close()  # type: ignore[attr-defined]
    assert not run.status.is_live


def test_a_run_on_loan_is_borrowed_for_by_one_and_handed_over_to_the_process_that_has_the_gpu(
    store: RunStore,
) -> None:
    run = store.create(make_config(), on_loan=True)
    assert (run.status.state, run.status.on_loan, run.status.is_resumable) == ("interrupted", True, True)
    take(run)
    assert (run.status.state, run.status.pid, run.status.is_live) == ("borrowing", os.getpid(), True)
    with pytest.raises(RunError, match="borrowing"):
        take(run)
    run.request("stop")
    other = os.getppid()
    run.hand_over(other)
    assert (run.status.state, run.status.pid, run.status.on_loan) == ("running", other, True)
    assert run.requested() == "stop"
    with pytest.raises(RunError, match="already running"):
        run.hand_over(os.getpid())


def test_a_run_whose_borrower_is_gone_can_be_borrowed_for_again(store: RunStore) -> None:
    run = store.create(make_config())
    run.set_status(state="borrowing", on_loan=True, pid=2**31 - 1, pid_started=0.0)
    assert run.status.state == "interrupted"
    take(run)
    assert run.status.state == "borrowing"


def test_a_run_that_is_over_or_waits_is_not_borrowed_for(store: RunStore) -> None:
    run = store.create(make_config())
    for state in ("queued", "finished", "stopped"):
        run.set_status(state=state)
        with pytest.raises(RunError, match=state):
            take(run)
