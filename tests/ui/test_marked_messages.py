"""Messages that are put together go through the catalogue with all their parts, from wherever they come to the page."""

from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from qlora_core.config import make_config
from qlora_core.data.look import facts, look_at
from qlora_core.data.sources import load_pairs
from qlora_core.errors import HubError, HubProblem
from qlora_core.export.hub.refusals import refusal
from qlora_core.export.setting_values import setting_value
from qlora_core.language import N_, Figure, Message, speaking
from qlora_core.loans import ENDINGS, LoanEnd, end_message
from qlora_core.models.catalog import ELSEWHERE
from qlora_core.server.zerogpu.lender import News, Refused
from qlora_core.server.zerogpu.loans import Loans
from qlora_core.store.packed.mark import UNKNOWN_DEVICE, Brought
from qlora_core.store.runs import RunStore
from qlora_core.ui.results.downloads import told
from qlora_core.ui.results.setting_rows import environment_rows
from qlora_core.ui.words.environment import MACHINE
from tests.marked import CODE, every_text_marked, marked, unmarked
from tests.recorded import recorded_run


@pytest.fixture(scope="module", autouse=True)
def _marking() -> Iterator[None]:
    with every_text_marked(), speaking(CODE):
        yield


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("step", [0, 310])
def test_how_a_loan_ended_is_said_in_the_language(end: LoanEnd, step: int) -> None:
    message = end_message(end, step, 690)
    assert not unmarked(message.said())
    assert ("310" in message.said()) == (step == 310)


def test_what_kept_a_run_from_having_a_gpu_is_said_in_the_language(store: RunStore) -> None:
    def lend(run_directory: str, seconds: float) -> News:
        del run_directory, seconds
        raise Refused(LoanEnd.QUEUE, Message(N_("The borrowed GPU time is used up{at}."), {"at": ""}))
        yield {}

    loans = Loans(store, lend)
    run = loans.submit(make_config(), "me")
    list(loans.borrow(run))
    assert not unmarked(run.status.said)
    assert unmarked(run.status.message)


STATUSES = (400, 401, 403, 409, 413, 429, 503)
#: With these, the hub's own words are passed on.
SAYS_MORE = (HubProblem.FORBIDDEN, HubProblem.TOO_LARGE, HubProblem.NOT_TAKEN)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("said", ["", "no"])
def test_what_the_hub_refuses_is_said_in_the_language(status: int, said: str) -> None:
    response = httpx2.Response(status, request=httpx2.Request("POST", "https://hub"))
    error = refusal(HfHubHTTPError("refused", response=response, server_message=said or None), "a/b")
    assert not unmarked(error.said())
    assert ("no." in error.said()) == (bool(said) and error.problem in SAYS_MORE)


def test_a_way_around_the_hub_is_a_part_of_the_sentence() -> None:
    words = N_("{repository} cannot be kept in the hub's cache: {reason}. Set HF_HOME to another folder, {advice}.")
    error = HubError(words, repository="a/b", reason="no", advice=Message(ELSEWHERE, {"instead": "minilm"}))
    assert not unmarked(error.said())


class Shown:
    """What Gradio's progress is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, progress: tuple[int, int], *, desc: str, unit: str) -> None:
        del progress
        self.said += [desc, unit]


def test_how_far_an_export_has_come_is_said_in_the_language() -> None:
    shown = Shown()
    tell = told(shown)  # type: ignore[arg-type]
    tell("phase", {"message": "Making the repository"})
    tell("phase", {"message": Message("Uploading {megabytes} MB", {"megabytes": Figure(1.25, ".2f")})})
    tell("progress", {"done": 1, "total": 2})
    assert not [text for text in shown.said if unmarked(text)]
    assert marked("Uploading {n} MB").format(n="1,25") in shown.said


def test_where_pairs_come_from_is_said_in_the_language() -> None:
    data = load_pairs("pairs")
    look = look_at(data, [9] * len(data.train), [9] * len(data.validation))
    assert not [text for text in facts(look, 16) if unmarked(text)]


def test_a_value_that_is_no_name_is_said_in_the_language() -> None:
    assert setting_value("max_train_samples", None) == marked("all")
    assert setting_value("validation_file", None) == marked("none")
    assert Brought(brought=0).device_name == marked(UNKNOWN_DEVICE)
    assert Brought(brought=0, device="none").device_name == "none"


def test_why_a_number_type_was_chosen_is_said_in_the_language() -> None:
    rows = dict(environment_rows(recorded_run("quick").require_result()))
    assert not unmarked(rows[marked(MACHINE["compute_dtype_reason"])])
    libraries = tuple(recorded_run("quick").require_result()["environment"]["versions"])
    assert [name for name in rows if unmarked(name) and not name.endswith(libraries)] == []
