"""What two models say of a pair, in words; the runs that can be asked; the address; and nothing imported too early."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from qlora_core.data.phenomena import PHENOMENA
from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS, BothOrders
from qlora_core.errors import DataError, RunError
from qlora_core.server.services import Services, make_services
from qlora_core.store.runs import Run
from qlora_core.ui.compare import answers as view
from qlora_core.ui.compare.examples import examples
from qlora_core.ui.compare.sides import BASE, BASE_CHOICE, Sides, check_sides, first_choices, second_choices
from qlora_core.ui.compare.tokens import MOST_DRAWN, Explanation, explain, sums_words, token_figure, token_rows

PAIR = ("the ferry opened early on day 3", "the ferry closed early on day 3")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", tmp_path / "recorded", "the-owner")


@pytest.fixture
def run(services: Services, finished_run: Run) -> Run:
    shutil.copytree(finished_run.path, services.store.folder / finished_run.id)
    return services.store.open(finished_run.id)


def unfinished(services: Services, run: Run, name: str, **status: object) -> Run:
    """A copy of a run as it looks before its end."""
    path = services.store.folder / name
    shutil.copytree(run.path, path)
    shutil.rmtree(path / "adapter")
    (path / "result.json").unlink()
    (path / "checkpoint").mkdir(exist_ok=True)
    (path / "checkpoint" / "training.safetensors").write_bytes(b"")
    made = Run(path)
    made.set_status(**status)
    return made


def sides(run: Run, first: Run | None = None, scale: float = 1.0) -> Sides:
    return Sides(first, run, scale)


@pytest.mark.parametrize(
    ("base", "adapter", "words"),
    [
        (0.71, 0.08, "The adapter changed its answer from **same** (0.71) to **different** (0.08)."),
        (0.2, 0.999, "The adapter changed its answer from **different** (0.20) to **same** (over 0.99)."),
        (0.71, 0.93, "The adapter keeps the answer **same**: 0.71 before, 0.93 with it."),
        (0.5, 0.001, "The adapter keeps the answer **different**: 0.50 before, under 0.01 with it."),
    ],
)
def test_where_base_and_adapter_differ_is_a_sentence(run: Run, base: float, adapter: float, words: str) -> None:
    assert view.verdict(sides(run), BothOrders(base, 0.0), BothOrders(adapter, 0.0)) == words


def test_two_runs_are_called_by_the_ends_of_their_names(run: Run) -> None:
    name = run.id[-4:]
    two = sides(run, run, 0.5)
    disagree = view.verdict(two, BothOrders(0.9, 0), BothOrders(0.1, 0))
    assert disagree.startswith(f"They disagree: Run {name} says **same** (0.90)")
    assert disagree.endswith("**different** (0.10).")
    agree = view.verdict(two, BothOrders(0.9, 0), BothOrders(0.8, 0))
    assert agree.startswith(f"Both say **same**: Run {name} with 0.90")
    assert two.names == (f"Run {name}", f"Run {name}, scaled by 0.5")
    assert sides(run).names == ("Base model, untrained head", f"Adapter of run {name}")


@pytest.mark.parametrize(
    ("given", "swapped", "words"),
    [
        (0.7, 0.31, "Yes: swapped, it says different (0.31), not same (0.70)."),
        (0.08, 0.085, "No: swapped, it stays with different (0.09, not 0.08)."),
        (0.501, 0.502, "No: swapped, it stays with same (0.50)."),
        (0.7, 0.75, "A little: swapped, it stays with same (0.75, not 0.70)."),
        (0.95, 0.55, "Somewhat: swapped, it stays with same (0.55, not 0.95)."),
    ],
)
def test_whether_the_order_matters_is_said(given: float, swapped: float, words: str) -> None:
    assert view.order_words(BothOrders(given, swapped)) == words


def test_an_answer_shows_both_models_and_both_orders_with_nothing_but_numbers_and_words(run: Run) -> None:
    asked = view.Comparison(sides(run), [BothOrders(0.71, 0.69)], [BothOrders(0.08, 0.6)], [True], ["A note <b>."])
    words = view.answer_markdown(asked)
    assert words.count('<section class="pair-side">') == 2
    for percent in ("71.0", "69.0", "8.0", "60.0"):
        assert f"width:{percent}%" in words
    assert words.count("Does the order matter to it?") == 2
    assert f"more than {run.config.max_length} tokens" in words
    assert "<b>" not in words


def test_the_answers_of_a_comparison_are_the_predictors(services: Services, run: Run) -> None:
    (expected,) = services.predictors.get(run).answer([PAIR], 0.5)
    against_base = view.compare(services, sides(run, None, 0.5), [PAIR])
    assert (against_base.first, against_base.second) == ([expected.base], [expected.adapter])
    (trained,) = services.predictors.get(run).answer([PAIR])
    two = view.compare(services, sides(run, run, 0.5), [PAIR])
    assert (two.first, two.second) == ([trained.adapter], [expected.adapter])
    assert two.notes == []
    long = " ".join(["ferry"] * 300)
    assert view.compare(services, sides(run, run), [PAIR, (long, long)]).truncated == [False, True]


def test_the_endpoint_answers_what_json_has(services: Services, run: Run) -> None:
    answer = view.compare_pair(services, run.id, *PAIR, scale=0)
    assert json.loads(json.dumps(answer)) == answer
    assert set(answer) == {"run", "scale", "base", "adapter", "truncated"}
    assert answer["base"] == answer["adapter"]
    given = view.compare_pair(services, "", *PAIR)
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
        view.compare_pair(services, *question)  # type: ignore[arg-type]


def test_runs_to_choose_from_are_those_with_weights(services: Services, run: Run, finished_run: Run) -> None:
    recorded = services.recorded.folder / "20200101-000000-recorded-run-ab12"
    shutil.copytree(finished_run.path, recorded)
    unfinished(services, run, "20990101-000000-paused-run-cd34", state="paused", pid=None)
    bare = unfinished(services, run, "20990101-000000-bare-run-ef56", state="queued")
    bare.checkpoint_path.unlink()
    choices = second_choices(services)
    assert [run_id for _, run_id in choices] == [run.id, recorded.name, "20990101-000000-paused-run-cd34"]
    labels = [label for label, _ in choices]
    assert labels[0].startswith(f"{run.id[-4:]}: tiny-bert on tiny.jsonl, accuracy ")
    assert ", recorded, " in labels[1]
    assert "recorded" not in labels[0]
    assert "interrupted: latest checkpoint" in labels[2]  # paused, with no process that could go on
    assert first_choices(choices) == [(BASE_CHOICE, BASE), *choices]


def test_a_run_that_trains_now_says_so(services: Services, run: Run) -> None:
    training = unfinished(services, run, "20990101-000000-training-run-cd34")
    training.claim()
    labels = {run_id: label for label, run_id in second_choices(services)}
    assert "training now: latest checkpoint" in labels[training.id]


def test_a_damaged_result_is_said(services: Services, run: Run) -> None:
    (run.path / "result.json").write_text("{}", encoding="utf-8")
    assert "result damaged" in second_choices(services)[0][0]


@pytest.mark.parametrize("wanted", [None, "", 3, [], {}, "../x", "nothing-of-that-name", "base"])
def test_only_runs_that_exist_are_asked(services: Services, run: Run, wanted: object) -> None:
    with pytest.raises(RunError):
        check_sides(services, BASE, wanted, 1)
    if wanted != BASE:
        with pytest.raises(RunError):
            check_sides(services, wanted, run.id, 1)


def test_the_address_repeats_the_question_unless_it_is_too_long(run: Run) -> None:
    assert view.address(sides(run), PAIR) == {"run": run.id, "first": "", "a": PAIR[0], "b": PAIR[1]}
    assert view.address(sides(run, run), PAIR)["first"] == run.id
    long = "ش" * (view.MOST_IN_ADDRESS // len(quote("ش")) + 1)
    assert view.address(sides(run), (long, "b"))["a"] == ""
    assert view.address(sides(run), (long[:-1], "b"))["a"] == long[:-1]


def test_tokens_of_both_models_are_explained(services: Services, run: Run) -> None:
    base, adapter = explain(services, sides(run), PAIR)
    assert (base.name, adapter.name) == ("Base model", "Adapter")
    assert base.tokens == adapter.tokens
    assert base.scores != adapter.scores
    one, other = explain(services, sides(run, run), PAIR)
    assert one.scores.scores == pytest.approx(other.scores.scores) == adapter.scores.scores
    rows = token_rows([base, adapter])
    assert len(rows) == 2 * len(base.tokens)
    assert rows[1] == ["Base model", "1", base.tokens[1], round(base.scores.scores[1], 4)]
    assert rows[0][1] == ""  # [CLS] belongs to no sentence
    words = sums_words([base])
    assert f"add up to {sum(base.scores.scores):+.2f}" in words
    assert token_figure([base, adapter]).layout.title.text.startswith("Strongest push in Base model")


def test_of_a_long_pair_the_strongest_tokens_are_drawn_in_their_order(services: Services, run: Run) -> None:
    one = explain(services, sides(run), PAIR)[0]
    count = MOST_DRAWN + 10
    scores = [float(number % 31 - 15) for number in range(count)]
    long = Explanation(
        "Adapter", [f"t{number}" for number in range(count)], [1] * count, type(one.scores)(scores, 0.0, 0.0, 0.0)
    )
    figure = token_figure([long])
    drawn = [int(token[1:]) for trace in figure.data for token in trace.customdata]
    assert len(drawn) == MOST_DRAWN
    assert drawn == sorted(drawn)
    left_out = {scores[number] for number in set(range(count)) - set(drawn)}
    assert max(map(abs, left_out)) <= min(abs(scores[number]) for number in drawn)
    assert f"{MOST_DRAWN} strongest of {count}" in figure.layout.annotations[0].text


def test_every_example_shows_another_phenomenon() -> None:
    shown = [*examples(1), *examples(0)]
    assert len({example.phenomenon for example in shown}) == len(shown) == 16
    assert all(PHENOMENA[example.phenomenon].label == example.label for example in shown)
    assert {example.label for example in examples(0)} == {0}
    assert examples(0)[0].note.endswith("Its label is **different**.")


def test_the_page_is_built_without_torch(environment: dict[str, str]) -> None:
    names = ("tab", "answers", "sides", "tokens", "pair_file", "examples")
    imports = "".join(f"import qlora_core.ui.compare.{name}\n" for name in names)
    check = "import sys\nprint(sorted({'torch', 'transformers', 'peft', 'datasets', 'captum'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", imports + check], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
