"""One damaged run beside a good one: the good one is whole, and the damaged one is named or shown as far as it goes."""

import shutil
import time
from pathlib import Path

import pytest

from qlora_core.errors import RunError, StorageError
from qlora_core.evaluation.scores import finetuned_values
from qlora_core.server.queue import JobQueue
from qlora_core.store.feed import Cursor, Feeds, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.damage import HIDING, LISTED, STEPS, Damage, add_strays, small_run
from tests.server.conftest import config

DAMAGED = "19990101-000000-damaged-0000"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    return small_run(tmp_path_factory.mktemp("template"))


@pytest.fixture
def good(store: RunStore, template: Path) -> Run:
    """That run in a store, and what else may lie there."""
    store.folder.mkdir()
    run = Run(shutil.copytree(template, store.folder / template.name))
    add_strays(store.folder, run.path)
    return run


def put(store: RunStore, good: Run, damage: Damage) -> Run:
    """A damaged copy of a run."""
    damaged = Run(shutil.copytree(good.path, store.folder / DAMAGED))
    damage(damaged.path)
    return damaged


def ids(store: RunStore) -> list[str]:
    return [run.id for run in store.runs()]


def check_good(store: RunStore, good: Run) -> None:
    """The good run is listed, read, followed and fit for everything."""
    run = store.open(good.id)
    assert run.from_result(finetuned_values)["accuracy"] == run.require_result()["metrics"]["finetuned"]["accuracy"]
    assert len(run.predictions(["idx"])[0]) > 100
    assert sum(event["kind"] == "step" for event in run.events()) == STEPS
    news = Feeds(store).of(run.id).since(Cursor())
    assert (news["step"], news["state"], len(news["points"])) == (STEPS, "finished", STEPS // 4)
    assert good.id not in store.damage(finetuned_values)


@pytest.mark.parametrize("name", HIDING)
def test_a_run_that_cannot_be_shown_is_named_with_what_is_wrong(name: str, store: RunStore, good: Run) -> None:
    damaged = put(store, good, HIDING[name])
    for _ in range(2):
        assert ids(store) == [good.id]
        assert store.damaged() == [damaged.id]
        (sentence,) = store.damage(finetuned_values)[damaged.id]
        assert damaged.id in sentence
        assert sentence.endswith(".")
    check_good(store, good)
    with pytest.raises(RunError):
        assert (damaged.status, damaged.config) is None


@pytest.mark.parametrize("name", LISTED)
def test_a_damaged_part_hides_itself_alone(name: str, store: RunStore, good: Run) -> None:
    damage, words = LISTED[name]
    damaged = put(store, good, damage)
    assert (ids(store), store.damaged()) == ([good.id, damaged.id], [])
    check_good(store, good)
    said = " ".join(store.damage(finetuned_values).get(damaged.id, []))
    assert words in said
    assert bool(words) == bool(said)
    run = store.open(damaged.id)
    assert run.status.is_going_on is False
    assert isinstance(run.environment, dict)
    assert run.estimate is None or run.estimate == {"seconds": [60, 90]}
    assert run.requested() == "run"
    assert not any(run.is_owned_by(secret) for secret in ("mine", "\ud800", "é"))
    assert Feeds(store).of(run.id).since(Cursor())["run"] == run.id
    assert all(isinstance(event["kind"], str) for event in run.events())


@pytest.mark.parametrize("name", [name for name in LISTED if name.startswith("events ")])
def test_a_damaged_line_hides_itself_alone(name: str, store: RunStore, good: Run) -> None:
    whole = RunFeed(good).since(Cursor())
    damaged = put(store, good, LISTED[name][0])
    feed = RunFeed(damaged)
    news = feed.since(Cursor())
    if (damaged.path / "events.jsonl").is_file():
        assert feed.left_out == damaged_lines(damaged) > 0
        assert news["baselines"] == whole["baselines"]
        assert news["evaluations"] == whole["evaluations"]
        assert len(news["points"]) >= len(whole["points"]) - 1
    else:
        assert (news["points"], feed.left_out) == ([], 0)


def damaged_lines(run: Run) -> int:
    """Lines that no version of this program wrote."""
    return sum(b'"seq"' not in line for line in (run.path / "events.jsonl").read_bytes().splitlines())


def test_a_store_of_damaged_runs_alone_is_listed(store: RunStore, good: Run) -> None:
    for number, damage in enumerate([*HIDING.values(), *(one for one, _ in LISTED.values())]):
        copy = shutil.copytree(good.path, store.folder / f"19990101-000000-{number}")
        damage(copy)
    assert len(store.damaged()) == len(HIDING)
    assert len(store.runs()) == len(LISTED) + 1
    check_good(store, good)


def test_a_queue_starts_beside_every_damage_and_everybody_may_start(store: RunStore, good: Run) -> None:
    for number, damage in enumerate([*HIDING.values(), *(one for one, _ in LISTED.values())]):
        copy = shutil.copytree(good.path, store.folder / f"19990101-000000-{number}")
        Run(copy).set_status(state="queued")
        damage(copy)
    queue = JobQueue(store)
    queue.read()
    run = queue.submit(config(), "me")
    assert run.id in [waiting.id for waiting in queue.waiting()]
    assert queue.submit(config(), "me").id == run.id


def test_a_folder_in_the_place_of_a_request_is_said_and_asks_for_nothing(store: RunStore) -> None:
    run = store.create(config())
    (run.path / "control" / "inside").mkdir(parents=True)
    assert run.requested() == "run"
    with pytest.raises(StorageError, match=r"^control could not be written: a folder stands in its place\."):
        run.request("pause")
    run.request("run")


def test_links_to_a_run_are_no_second_run_and_those_to_elsewhere_are_runs(
    store: RunStore, good: Run, tmp_path: Path
) -> None:
    elsewhere = shutil.copytree(good.path, tmp_path / "elsewhere")
    (store.folder / "linked").symlink_to(elsewhere)
    assert ids(store) == ["linked", good.id]
    with pytest.raises(RunError, match="There is no run"):
        store.open("link-to-a-run")
    store.open("linked").delete()
    assert ids(store) == [good.id]
    assert (elsewhere / "status.json").is_file()
    assert (elsewhere / "adapter").is_dir()


def test_a_file_that_was_changed_is_read_again_and_one_that_was_not_is_not(
    store: RunStore, good: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)  # ten seconds later
    found = []

    def find(result: dict[str, object]) -> int:
        found.append(result)
        return len(result)

    run = store.open(good.id)
    assert [run.from_result(find) for _ in range(3)] == [len(found[0])] * 3
    assert len(found) == 1
    (run.path / "result.json").write_text('{"metrics": 1}', encoding="utf-8")
    assert [run.from_result(find) for _ in range(3)] == [1] * 3
    assert len(found) == 2
    (run.path / "result.json").unlink()
    with pytest.raises(RunError, match="has no result"):
        run.from_result(find)


def test_a_file_that_was_changed_this_moment_is_read_again(store: RunStore, good: Run) -> None:
    run = store.open(good.id)
    found: list[object] = []
    (run.path / "result.json").write_text("{}", encoding="utf-8")
    for _ in range(2):
        run.from_result(found.append)
    assert len(found) == 2
