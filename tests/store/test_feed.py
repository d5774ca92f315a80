"""What those who watch a run are sent: never the same twice, never moved, never more than what is new."""

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qlora_core.config import make_config
from qlora_core.errors import RunError
from qlora_core.store import feed as feed_module
from qlora_core.store.feed import FEEDS_KEPT, MAX_POINTS, Cursor, Feeds, RunFeed, bucket_size
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import SetClock

Event = dict[str, Any]
SERIES = ("points", "evaluations", "baselines", "watched")


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


def loss_at(step: int) -> float:
    return 1 / (step + 1)


def step(number: int, total: int, time: float = 0.0) -> Event:
    return {
        "kind": "step",
        "time": time,
        "step": number,
        "total_steps": total,
        "epoch": 3 * number / total,
        "loss": loss_at(number),
        "learning_rate": 1e-3 * number,
        "grad_norm": 1.0,
        "examples_per_second": 50.0,
        "seconds_left": 9.0,
    }


def steps(first: int, last: int, total: int) -> list[Event]:
    return [step(number, total) for number in range(first, last + 1)]


def phase(name: str, time: float = 0.0) -> Event:
    return {"kind": "phase", "phase": name, "message": name, "time": time}


def resumed(number: int) -> Event:
    return {"kind": "resumed", "step": number, "time": 0.0}


def evaluation(number: int) -> Event:
    scores = {"epoch": 1.0, "accuracy": 0.8, "f1": 0.9, "loss": 0.4, "is_best": True}
    return {"kind": "evaluation", "step": number, "time": 0.0, **scores}


def watched(number: int) -> Event:
    return {"kind": "watched", "step": number, "probabilities": [0.5], "time": 0.0}


def baseline(name: str) -> Event:
    return {"kind": "baseline", "name": name, "accuracy": 0.5, "f1": 0.6, "loss": 0.7, "time": 0.0}


def write(run: Run, events: Iterable[Event]) -> None:
    with run.event_log.path.open("ab") as file:
        file.writelines(orjson.dumps(event) + b"\n" for event in events)


class Viewer:
    """Somebody who keeps what the page keeps."""

    def __init__(self, feed: RunFeed) -> None:
        self.feed, self.generation = feed, 0
        self.have: dict[str, list[Any]] = {name: [] for name in SERIES}

    def ask(self) -> dict[str, Any]:
        cursor = Cursor(generation=self.generation, **{name: len(self.have[name]) for name in SERIES})
        news = self.feed.since(cursor)
        if news["generation"] != self.generation:
            self.generation = news["generation"]
            self.have = {name: [] for name in SERIES}
        for name in SERIES:
            self.have[name] += news[name]
        return news

    @property
    def drawn(self) -> list[int]:
        """The steps at which there is a point."""
        return [point[0] for point in self.have["points"]]


@pytest.mark.parametrize(
    ("total", "size"), [(1, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 4), (10_000, 16), (100_000, 128)]
)
def test_a_point_stands_for_as_many_steps_as_it_takes(total: int, size: int) -> None:
    assert bucket_size(total) == size


@given(total=st.integers(1, 10**9))
def test_no_run_has_more_points_than_can_be_drawn(total: int) -> None:
    size = bucket_size(total)
    assert total <= size * MAX_POINTS
    assert size == 1 or total > size // 2 * MAX_POINTS


@pytest.mark.parametrize("total", [7, 2500, 10_000, 100_000])
def test_a_whole_run_is_drawn_as_means_that_cover_every_step(total: int, run: Run) -> None:
    write(run, [*steps(1, total, total), phase("saving")])
    viewer = Viewer(RunFeed(run))
    viewer.ask()
    size = bucket_size(total)
    assert len(viewer.drawn) <= MAX_POINTS
    assert viewer.drawn == [*range(size, total, size), total]
    for number, (last, loss, rate) in enumerate(viewer.have["points"]):
        bucket = range(number * size + 1, last + 1)
        assert loss == pytest.approx(sum(map(loss_at, bucket)) / len(bucket), abs=1e-5)
        assert rate == 1e-3 * last


def test_a_point_that_was_sent_never_changes(run: Run) -> None:
    viewer, total = Viewer(RunFeed(run)), 2500
    sent: list[Any] = []
    for first in range(1, total + 1, 30):
        write(run, steps(first, min(first + 29, total), total))
        viewer.ask()
        assert viewer.have["points"][: len(sent)] == sent
        sent = list(viewer.have["points"])
    assert viewer.drawn[-1] == 2500


def test_an_unfinished_bucket_is_drawn_when_training_is_over(run: Run) -> None:
    viewer = Viewer(RunFeed(run))
    write(run, steps(1, 6, 4000))
    viewer.ask()
    assert viewer.drawn == [4]
    write(run, [phase("saving")])
    viewer.ask()
    write(run, [phase("verifying"), phase("done")])
    viewer.ask()
    assert viewer.drawn == [4, 6]


def test_an_answer_holds_what_is_new_however_long_the_run(run: Run) -> None:
    viewer, sizes = Viewer(RunFeed(run)), []
    for first in range(1, 60_001, 6000):
        write(run, steps(first, first + 5935, 60_000))
        viewer.ask()
        write(run, steps(first + 5936, first + 5999, 60_000))
        sizes.append(len(json.dumps(viewer.ask())))
        assert viewer.ask()["points"] == []
    assert max(sizes) < min(sizes) + 100


def test_each_series_is_sent_once(run: Run) -> None:
    write(run, [baseline("majority"), watched(0), *steps(1, 4, 8), evaluation(4)])
    pairs = [{"sentence1": "a", "sentence2": "b", "label": 1}]
    write(run, [{"kind": "watched_pairs", "pairs": pairs, "time": 0.0}])
    viewer = Viewer(RunFeed(run))
    news = viewer.ask()
    assert [len(news[name]) for name in SERIES] == [4, 1, 1, 1]
    assert news["watched_pairs"] == pairs
    assert (news["step"], news["total_steps"], news["epoch"]) == (4, 8, 1.5)
    news = viewer.ask()
    assert [len(news[name]) for name in (*SERIES, "watched_pairs")] == [0] * 5


def test_a_run_that_has_said_nothing_yet_has_a_status(run: Run) -> None:
    news = RunFeed(run).since(Cursor())
    assert (news["run"], news["state"], news["step"], news["seconds"]) == (run.id, "queued", 0, 0.0)
    assert [news[name] for name in SERIES] == [[], [], [], []]


def test_what_a_resumed_run_does_again_is_void(run: Run) -> None:
    viewer = Viewer(RunFeed(run))
    write(run, [watched(0), *steps(1, 4, 8), evaluation(4), watched(4), *steps(5, 6, 8), watched(6)])
    viewer.ask()
    generation = viewer.generation
    write(run, [phase("loading"), baseline("majority"), resumed(4)])
    news = viewer.ask()
    assert viewer.generation == generation + 1
    assert (news["step"], news["epoch"]) == (4, 1.5)
    assert viewer.drawn == [1, 2, 3, 4]
    assert [entry["step"] for entry in viewer.have["evaluations"]] == [4]
    assert [entry[0] for entry in viewer.have["watched"]] == [0, 4]
    write(run, steps(5, 8, 8))
    viewer.ask()
    assert (viewer.generation, viewer.drawn) == (generation + 1, list(range(1, 9)))


@settings(deadline=None, max_examples=40)
@given(
    total=st.sampled_from([8, 2500, 5000]),
    stages=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 30), st.booleans()), max_size=4),
)
def test_a_resumed_run_is_drawn_like_one_that_never_stopped(
    total: int, stages: list[tuple[int, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = RunStore(tmp_path_factory.mktemp("resumed")).create(make_config())
    viewer, done = Viewer(RunFeed(run)), 0
    for further, lost, saving in stages:
        reached = min(done + further, total)
        write(run, steps(done + 1, reached, total))
        write(run, [phase("saving")] * saving)
        viewer.ask()
        done = max(0, reached - lost)
        write(run, [phase("loading"), resumed(done)])
    write(run, [*steps(done + 1, total, total), phase("saving")])
    viewer.ask()
    whole = RunStore(tmp_path_factory.mktemp("whole")).create(make_config())
    write(whole, [*steps(1, total, total), phase("saving")])
    expected = Viewer(RunFeed(whole))
    expected.ask()
    assert viewer.have == expected.have
    late = Viewer(RunFeed(run))
    late.ask()
    assert (late.have, late.generation) == (viewer.have, viewer.generation)


def test_scores_are_passed_on_with_those_that_an_earlier_version_did_not_have(run: Run) -> None:
    write(run, [baseline("majority"), baseline("linear_probe") | {"matthews_correlation": 0.1, "seq": 1}])
    write(run, [evaluation(4) | {"matthews_correlation": 0.2, "seq": 2}])
    news = RunFeed(run).since(Cursor())
    older, newer = news["baselines"]
    assert older == {"name": "majority", "accuracy": 0.5, "f1": 0.6, "loss": 0.7}
    assert newer == older | {"name": "linear_probe", "matthews_correlation": 0.1}
    (entry,) = news["evaluations"]
    assert entry["matthews_correlation"] == 0.2
    assert not {"seq", "time", "kind"} & entry.keys()


def test_that_pairs_are_cut_off_is_sent_while_the_run_goes_on(run: Run) -> None:
    feed = RunFeed(run)
    assert feed.since(Cursor())["truncation"] == ""
    write(run, [{"kind": "truncation", "time": 0.0, "message": "3 of 4 pairs are longer."}])
    assert (feed.since(Cursor())["truncation"], feed.cut_off) == ("3 of 4 pairs are longer.", {})
    counts = {"max_length": 8, "train": 3, "train_truncated": 2, "validation": 1, "validation_truncated": 1}
    write(run, [{"kind": "truncation", "time": 0.0, "message": "3 of 4.", **counts}])
    assert (feed.since(Cursor())["truncation"], feed.cut_off) == ("3 of 4.", counts)


def test_that_baselines_were_measured_by_another_run_is_sent_while_the_run_goes_on(run: Run) -> None:
    feed = RunFeed(run)
    assert feed.since(Cursor())["baselines_known"] == ""
    write(run, [{"kind": "baselines_known", "time": 0.0, "message": "Measured before."}])
    assert (feed.since(Cursor())["baselines_known"], feed.measured_by) == ("Measured before.", {})
    earlier = {"run_id": "earlier", "measured_at": 1e9}
    write(run, [{"kind": "baselines_known", "time": 0.0, "message": "Measured before.", **earlier, "probe_pairs": 9}])
    assert (feed.since(Cursor())["baselines_known"], feed.measured_by) == ("Measured before.", earlier)


def test_that_validation_pairs_are_trained_on_is_sent_while_the_run_goes_on(run: Run) -> None:
    feed = RunFeed(run)
    assert feed.since(Cursor())["in_both"] is None
    write(run, [{"kind": "in_both", "time": 0.0, "count": 3, "validation": 9}])
    assert feed.since(Cursor())["in_both"] == {"count": 3, "validation": 9}


def test_what_error_ended_a_run_is_sent_until_it_is_resumed(run: Run) -> None:
    feed = RunFeed(run)
    assert feed.since(Cursor())["ended_by"] == ""
    write(run, [{"kind": "end", "time": 0.0, "state": "failed", "message": "No.", "error": "DivergedError"}])
    assert feed.since(Cursor())["ended_by"] == "DivergedError"
    write(run, [phase("loading")])
    assert feed.since(Cursor())["ended_by"] == ""


def test_what_a_run_came_to_is_sent_once_it_is_known(run: Run) -> None:
    write(run, [phase("saving")])
    feed = RunFeed(run)
    assert feed.since(Cursor())["verdict"] == ""
    write(run, [phase("done") | {"verdict": "No difference."}])
    assert feed.since(Cursor())["verdict"] == "No difference."


def test_baselines_and_first_looks_that_are_measured_again_are_sent_once(run: Run) -> None:
    write(run, [baseline("majority"), watched(0)] * 2)
    news = RunFeed(run).since(Cursor())
    assert (len(news["baselines"]), len(news["watched"])) == (1, 1)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_last_line_is_read_when_it_is_whole(cut: int, run: Run) -> None:
    viewer = Viewer(RunFeed(run))
    write(run, steps(1, 1, 8))
    line = orjson.dumps(step(2, 8)) + b"\n"
    with run.event_log.path.open("ab") as file:
        file.write(line[:cut])
    viewer.ask()
    assert viewer.drawn == [1]
    with run.event_log.path.open("ab") as file:
        file.write(line[cut:])
    viewer.ask()
    assert viewer.drawn == [1, 2]


@pytest.mark.parametrize("line", [b"\0\0\0", b"{", b"[]", b"null", b"{}", b'{"kind": "step", "time": 1}'])
def test_a_damaged_line_is_left_out_and_those_after_it_are_read(line: bytes, run: Run) -> None:
    write(run, steps(1, 3, 8))
    with run.event_log.path.open("ab") as file:
        file.write(line + b"\n")
    write(run, steps(4, 5, 8))
    feed = RunFeed(run)
    for _ in range(2):
        feed.since(Cursor())
    assert [point[0] for point in feed.series.points] == [1, 2, 3, 4, 5]
    assert feed.left_out == 1


def test_a_resumption_whose_line_is_damaged_is_seen_by_its_steps(run: Run) -> None:
    viewer = Viewer(RunFeed(run))
    write(run, [*steps(1, 6, 8), evaluation(4), evaluation(6)])
    viewer.ask()
    write(run, steps(5, 8, 8))
    viewer.ask()
    whole = RunFeed(run)
    assert [point[0] for point in whole.since(Cursor())["points"]] == viewer.drawn == list(range(1, 9))
    assert [entry["step"] for entry in whole.series.evaluations] == [4]


def test_a_line_without_an_end_is_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(run, steps(1, 2, 8))
    monkeypatch.setattr(feed_module, "MAX_BYTES", len(run.event_log.path.read_bytes()))
    with run.event_log.path.open("ab") as file:
        file.write(b"x" * feed_module.MAX_BYTES * 3 + b"\n")
    write(run, steps(3, 4, 8))
    feed = RunFeed(run)
    for _ in range(8):
        feed.since(Cursor())
    assert [point[0] for point in feed.series.points] == [1, 2, 3, 4]


def test_a_file_of_events_is_read_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(run, steps(1, 100_000, 100_000))
    feed, taken = RunFeed(run), []
    take = feed._take

    def count(event: Event) -> None:
        taken.append(event["step"])
        take(event)

    monkeypatch.setattr(feed, "_take", count)
    for _ in range(3):
        assert len(Viewer(feed).ask()["points"]) == 781
    assert len(taken) == 100_000
    write(run, steps(1, 5, 100_000))
    feed.since(Cursor())
    assert len(taken) == 100_005


def test_a_file_that_is_too_long_for_one_answer_takes_several(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qlora_core.store.feed.MAX_BYTES", 1000)
    write(run, steps(1, 20, 20))
    viewer = Viewer(RunFeed(run))
    viewer.ask()
    assert 0 < len(viewer.drawn) < 20
    for _ in range(20):
        viewer.ask()
    assert viewer.drawn == list(range(1, 21))


def test_viewers_at_once_all_see_the_same(run: Run) -> None:
    feed, total = RunFeed(run), 3000
    viewers = [Viewer(feed) for _ in range(8)]
    over = threading.Event()

    def watch(viewer: Viewer) -> None:
        while not over.is_set():
            viewer.ask()
        viewer.ask()

    threads = [threading.Thread(target=watch, args=(viewer,)) for viewer in viewers]
    for thread in threads:
        thread.start()
    for first in range(1, total + 1, 100):
        write(run, steps(first, first + 99, total))
    over.set()
    for thread in threads:
        thread.join()
    assert all(viewer.drawn == list(range(4, total + 1, 4)) for viewer in viewers)


@pytest.mark.parametrize(
    "sent",
    [
        {"points": -1},
        {"generation": -1},
        {"points": 1.5},
        {"points": "1"},
        {"points": None},
        {"points": True},
        {"x": 1},
    ],
)
def test_a_cursor_that_makes_no_sense_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Cursor.model_validate(sent)


@pytest.mark.parametrize("generation", [0, 1, 7, 2**70])
def test_a_cursor_from_elsewhere_gets_everything_or_nothing_and_no_error(generation: int, run: Run) -> None:
    write(run, steps(1, 3, 8))
    news = RunFeed(run).since(Cursor(generation=generation, points=2**70))
    assert len(news["points"]) == (0 if generation == 1 else 3)


def test_time_at_work_leaves_pauses_and_interruptions_out(run: Run) -> None:
    pause = {"kind": "paused", "step": 1}
    write(run, [phase("loading", 100), phase("baselines", 104)])
    write(run, [pause | {"paused": True, "time": 105.0}, pause | {"paused": False, "time": 145.0}])
    write(run, [step(1, 8, 148), pause | {"paused": True, "time": 150.0}, pause | {"paused": False, "time": 250.0}])
    write(run, [step(2, 8, 253), phase("loading", 900), resumed(2) | {"time": 907.0}])
    assert RunFeed(run).since(Cursor())["seconds"] == 5 + 5 + 3 + 7


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_time_at_work_is_not_moved_with_the_clock(seconds: float, run: Run, set_clock: SetClock) -> None:
    run.append_event("phase", phase="loading")
    set_clock(seconds)
    run.append_event("phase", phase="baselines")
    Run(run.path).append_event("paused", step=0, paused=True)  # a process that goes on, and is asked at once to rest
    feed = RunFeed(run)
    feed.since(Cursor())
    assert 0 < feed.seconds < 60


def test_time_at_work_of_a_run_that_two_versions_carried_out(run: Run) -> None:
    write(run, [phase("loading", 100), phase("baselines", 104), phase("loading", 900) | {"elapsed": 0.0}])
    write(run, [phase("baselines", 5000) | {"elapsed": 3.0}])
    assert RunFeed(run).since(Cursor())["seconds"] == 4 + 3


def test_the_progress_of_a_phase_is_that_of_the_status(run: Run) -> None:
    run.set_status(phase="baselines", message="Measuring", progress=0.25)
    news = RunFeed(run).since(Cursor())
    assert (news["phase"], news["message"], news["progress"]) == ("baselines", "Measuring", 0.25)


def test_the_steps_to_come_are_those_of_the_status_until_the_first_is_taken(run: Run) -> None:
    run.set_status(total_steps=150)
    news = RunFeed(run).since(Cursor())
    assert (news["step"], news["total_steps"]) == (0, 150)


def test_a_run_has_one_feed_for_everybody(store: RunStore, run: Run) -> None:
    feeds = Feeds(store)
    assert feeds.of(run.id) is feeds.of(run.id)


def test_feeds_of_the_runs_watched_last_are_kept(store: RunStore) -> None:
    runs = [store.create(make_config()) for _ in range(FEEDS_KEPT + 1)]
    feeds = Feeds(store)
    kept = [feeds.of(run.id) for run in runs[:FEEDS_KEPT]]
    assert feeds.of(runs[0].id) is kept[0]
    feeds.of(runs[-1].id)
    assert feeds.of(runs[0].id) is kept[0]
    assert feeds.of(runs[1].id) is not kept[1]


def test_feeds_look_into_every_store(store: RunStore, run: Run, tmp_path: Path) -> None:
    recorded = RunStore(tmp_path / "recorded")
    other = recorded.create(make_config())
    feeds = Feeds(store, recorded)
    assert (feeds.of(run.id).run.path, feeds.of(other.id).run.path) == (run.path, other.path)
    with pytest.raises(RunError, match=r"^There is no run"):
        feeds.of("nobody")


def test_a_deleted_run_has_no_feed_any_more(store: RunStore, run: Run) -> None:
    write(run, steps(1, 3, 8))
    feeds = Feeds(store)
    feed = feeds.of(run.id)
    feed.since(Cursor())
    run.delete()
    with pytest.raises(RunError, match=r"^There is no run"):
        feeds.of(run.id)
    with pytest.raises(RunError):
        feed.since(Cursor())
