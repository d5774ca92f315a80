"""A run on a borrowed GPU: it ends in time, loses nothing, and comes to what it would have come to without an end."""

from collections.abc import Callable
from itertools import count
from threading import Thread

import pytest

from qlora_core.config import RunConfig
from qlora_core.loans import ENDINGS, RESERVE_SECONDS, Loan, LoanEnd, end_message
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import carry_out, start_run
from tests.conftest import ignore
from tests.training.test_passes import passes_counted

MakeConfig = Callable[..., RunConfig]


class ShortLoan(Loan):
    """Over after it was looked at so often, whatever the clock says."""

    def __init__(self, looks: int) -> None:
        super().__init__(1e6, "half")
        self._looks = looks

    @property
    def end(self) -> LoanEnd | None:
        self._looks -= 1
        return LoanEnd.USED_UP if self._looks < 0 else None


def by_loans(run: Run, looks: int) -> list[tuple[str, str]]:
    """Carry a run out in loans of so many looks at each; returns how each of them ended: state and message."""
    ends = []
    for number in count():
        assert number < 200, "it goes round in circles"
        carry_out(run, ignore, ShortLoan(looks))
        ends.append((run.status.state, run.status.message))
        if run.status.state == "finished":
            return ends
    return ends


@pytest.mark.parametrize("looks", [8, 10])
def test_a_run_in_many_loans_comes_to_the_same_bit_for_bit(
    tiny_config: MakeConfig, store: RunStore, finished_run: Run, looks: int
) -> None:
    run = store.create(tiny_config())
    ends = by_loans(run, looks)
    assert len(ends) > 2
    assert {state for state, _ in ends[:-1]} == {"interrupted"}
    result, expected = run.require_result(), finished_run.require_result()
    same = ("metrics", "history", "comparisons", "steps", "pairs_shown", "best_epoch")
    assert {name: result.get(name) for name in same} == {name: expected.get(name) for name in same}
    weights = [(each.adapter_dir / "adapter_model.safetensors").read_bytes() for each in (run, finished_run)]
    assert weights[0] == weights[1]
    assert result["environment"]["device_name"].startswith("borrowed: ")
    assert result["environment"]["device_name"].endswith(", half")


def test_the_status_says_where_the_time_was_used_up(tiny_config: MakeConfig, store: RunStore) -> None:
    run = store.create(tiny_config())
    carry_out(run, ignore, ShortLoan(2))
    assert run.status.message == ("The borrowed GPU time is used up before the first step. Borrow again to go on.")
    while run.status.step == 0:
        carry_out(run, ignore, ShortLoan(9))
    step, total = run.status.step, run.status.total_steps
    assert run.status.message == (f"The borrowed GPU time is used up at step {step} of {total}. Borrow again to go on.")
    assert (run.status.state, run.status.loan_end) == ("interrupted", "used_up")
    assert run.has_checkpoint
    (*_, last) = run.events()
    assert (last["kind"], last["loan_end"]) == ("end", "used_up")


def test_an_evaluation_that_is_broken_off_is_made_again_and_no_step_is(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    run = store.create(tiny_config(num_train_epochs=1))
    evaluating = [False]

    def listen(kind: str, _: dict[str, object]) -> None:
        evaluating[0] = kind == "evaluating" or (evaluating[0] and kind == "progress")

    class DuringEvaluation(Loan):
        @property
        def end(self) -> LoanEnd | None:
            return LoanEnd.USED_UP if evaluating[0] else None

    carry_out(run, listen, DuringEvaluation(1e6))
    assert run.status.state == "interrupted"
    assert run.status.step == run.status.total_steps
    carry_out(run, ignore, Loan(1e6))
    steps = [event["step"] for event in run.events() if event["kind"] == "step"]
    assert steps == list(range(1, run.status.total_steps + 1))
    assert run.status.state == "finished"


def test_what_was_measured_of_the_unquantised_model_is_not_measured_again(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.create(tiny_config())
    measured = [False]

    def listen(_: str, fields: dict[str, object]) -> None:
        measured[0] = measured[0] or fields.get("name") == "untrained_head_unquantized"

    class AfterFirstBaseline(Loan):
        @property
        def end(self) -> LoanEnd | None:
            return LoanEnd.USED_UP if measured[0] else None

    carry_out(run, listen, AfterFirstBaseline(1e6))
    assert run.status.state == "interrupted"
    with passes_counted(monkeypatch) as counts:
        carry_out(run, ignore, Loan(1e6))
    assert run.status.state == "finished"
    assert not [each for each in counts if "unquantized" in str(each)]


def test_a_pause_gives_the_gpu_back(tiny_config: MakeConfig, store: RunStore) -> None:
    run = store.create(tiny_config())

    def pause(kind: str, _: dict[str, object]) -> None:
        if kind == "step":
            run.request("pause")

    carry_out(run, pause, Loan(1e6))
    assert (run.status.state, run.status.loan_end, run.status.step) == ("interrupted", "given_back", 1)


def test_a_run_can_be_carried_out_by_any_thread_and_ends_when_the_gpu_is_given_back(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    run, loan = store.create(tiny_config()), Loan(1e6)
    loan.give_back(LoanEnd.LEFT)
    loan.give_back(LoanEnd.ABORTED)
    thread = Thread(target=carry_out, args=(run, ignore, loan))
    thread.start()
    thread.join()
    assert (run.status.state, run.status.loan_end) == ("interrupted", "left")


def test_a_loan_keeps_its_last_seconds_free() -> None:
    assert Loan(RESERVE_SECONDS).end == LoanEnd.USED_UP
    assert Loan(1000).end is None


@pytest.mark.parametrize("end", ENDINGS)
def test_every_end_is_one_or_two_plain_sentences(end: str) -> None:
    words = end_message(end, 310, 690).in_english()
    assert " at step 310 of 690" in words
    assert words.endswith(".")
    assert words.count(". ") == 1
    assert "Try again in 3:00:00." in end_message(end, 0, 0, "Try again in 3:00:00.").in_english()


def test_a_run_without_a_loan_knows_nothing_of_it(finished_run: Run, tiny_config: MakeConfig, store: RunStore) -> None:
    assert (finished_run.status.on_loan, finished_run.status.loan_end) == (False, "")
    run = start_run(tiny_config(), store, ignore)
    assert not run.environment["device_name"].startswith("borrowed")
