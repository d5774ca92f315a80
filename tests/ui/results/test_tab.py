"""The handlers of the tab "Results", called as the page calls them, and as nobody should."""

import json
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import RunError
from qlora_core.export.notebook import export_notebook
from qlora_core.server.services import Services
from qlora_core.server.who_may import NotYours
from qlora_core.store import run as run_module
from qlora_core.store import status as status_module
from qlora_core.store.feed import Cursor
from qlora_core.store.run import Run
from qlora_core.training.run_process import start_run
from qlora_core.ui.results.downloads import write_numbers, write_zip, written
from qlora_core.ui.results.flips_panel import shown_flips, take_pair
from qlora_core.ui.results.history_panel import delete_runs, differing_settings, listed, question, toggled
from qlora_core.ui.results.run_choice import finished_choices, run_to_open
from qlora_core.ui.results.summary_panel import SHARED
from qlora_core.ui.results.tab import ResultsTab, detailed, opened, shown
from qlora_core.ui.safe_text import plain
from qlora_core.ui.words.finished import CHARTS, FLIP_HEADERS, NO_SENTENCE, NOTHING_YET, show_start
from tests.conftest import ignore

HOSTILE: list[Any] = [
    None,
    7,
    "x",
    {},
    [],
    [None],
    [[]],
    ["../../etc/passwd"],
    ["<script>alert(1)</script>"],
    ["\x00"],
    ["a"] * 3 + ["b", "c", "d", "e"],
]
CHOICE = ("linear_probe", "", "any phenomenon", "change", "")


def open_tab(services: Services, tab: ResultsTab, wanted: object = "", chosen: object = ()) -> dict[Any, Any]:
    return opened(services, tab, wanted, list(chosen) if isinstance(chosen, tuple) else chosen, "newest first", "", [])


def test_before_any_run_the_tab_says_what_to_press(services: Services, tab: ResultsTab) -> None:
    updates = open_tab(services, tab)
    assert updates[tab.summary.headline] == NOTHING_YET
    assert updates[tab.summary.body]["visible"] is False


def test_the_recorded_run_is_shown_while_there_is_no_other(
    services: Services, tab: ResultsTab, finished_run: Run
) -> None:
    shutil.copytree(finished_run.path, services.recorded.folder / finished_run.id)
    updates = open_tab(services, tab)
    assert updates[tab.runs]["value"] == [finished_run.id]
    assert updates[tab.runs]["choices"][0][0].endswith("recorded")
    assert updates[tab.summary.facts].startswith("Recorded run")


def test_what_happened_in_the_first_run_is_given_to_the_rules_that_know_the_signs(
    services: Services, tab: ResultsTab, run: Run
) -> None:
    course = shown(services, tab, [run.id])[tab.summary.sign]
    news = services.feeds.of(run.id).since(Cursor())
    assert course["points"] == news["points"]
    assert course["totalSteps"] == len(course["points"]) == 8
    assert [entry["step"] for entry in course["evaluations"]] == [entry["step"] for entry in news["evaluations"]]
    assert course["baselines"] == [{"name": "majority", "loss": pytest.approx(0.693, abs=0.01)}]
    assert course["inBoth"] is None
    assert all(isinstance(value, int | float) for entry in course["evaluations"] for value in entry.values())


@pytest.fixture
def started(services: Services, run: Run, tiny_config: Callable[..., RunConfig]) -> Run:
    """A finished run that was started from ``run``."""
    config = tiny_config(num_train_epochs=1, init_from=run.id)
    return start_run(config, services.store, ignore)


def test_a_run_that_was_started_from_another_leads_to_it_while_it_is_there(
    services: Services, tab: ResultsTab, run: Run, started: Run
) -> None:
    updates = shown(services, tab, [started.id])
    said = f"Started from run {plain(run.id)} (tiny, accuracy "
    assert said in updates[tab.summary.headline]
    assert "with a fresh classifier" in updates[tab.summary.headline]
    assert "**Against the earlier run**" in updates[tab.summary.headline]
    assert updates[tab.summary.start] == gr.update(visible=True, value=show_start(run.id))
    assert shown(services, tab, [run.id])[tab.summary.start]["visible"] is False
    run.delete()
    updates = shown(services, tab, [started.id])
    assert said in updates[tab.summary.headline]
    assert updates[tab.summary.start]["visible"] is False


def test_what_flipped_can_be_held_against_the_run_that_was_started_from(
    services: Services, run: Run, started: Run
) -> None:
    choice = ("started_from", *CHOICE[1:])
    said, _, _, offered = shown_flips(services, [started.id], *choice)
    comparison = started.require_result()["comparison"]["started_from"]
    assert f"fixed **{comparison['fixed']}** pairs and broke **{comparison['broken']}**" in said
    assert offered["value"] == "started_from"
    *_, offered = shown_flips(services, [run.id], *choice)
    assert offered["value"] == "linear_probe"
    assert "started_from" not in [name for _, name in offered["choices"]]


def test_the_rows_about_a_run_say_what_it_started_from(services: Services, tab: ResultsTab, started: Run) -> None:
    updates = detailed(services, tab, [started.id])
    tables = [updates[table]["data"] for table in (tab.summary.settings, tab.summary.environment)]
    rows = {name: value for table in tables for name, value, *_ in table}
    assert rows["init_from"] == rows["started from run"] == started.config.init_from


def test_the_wanted_run_is_opened_and_what_is_on_show_is_kept(services: Services, tab: ResultsTab, run: Run) -> None:
    newer = services.store.folder / "30001231-000000-newer-0000"
    shutil.copytree(run.path, newer)
    assert run_to_open(services, "", []) == [newer.name]
    assert run_to_open(services, run.id, [newer.name]) == [run.id]
    assert run_to_open(services, "no-such-run", [run.id, "gone"]) == [run.id]
    assert tab.summary.headline in open_tab(services, tab, run.id, (newer.name,))
    assert tab.summary.headline not in open_tab(services, tab, "", (run.id,))


def test_a_run_fills_everything_in_two_steps(services: Services, tab: ResultsTab, run: Run) -> None:
    first, rest = shown(services, tab, [run.id]), detailed(services, tab, [run.id])
    assert set(first) <= set(tab.summary.first)
    assert first[tab.summary.body]["visible"] is True
    assert "linear probe" in first[tab.summary.headline]
    assert first[tab.summary.badge]["label"].startswith("✓ Reload verified")
    for name in CHARTS:
        figure = first[tab.summary.plots[name]] if name in SHARED else rest[tab.summary.plots[name]]["value"]
        assert (figure is None) == (name == "phenomenon"), name
    assert set(tab.summary.rest) == set(rest)
    assert len(rest[tab.summary.numbers]["value"]["data"]) == 6


def test_several_runs_are_laid_over_each_other(services: Services, tab: ResultsTab, run: Run) -> None:
    other = services.store.folder / f"{run.id}-2"
    shutil.copytree(run.path, other)
    both = shown(services, tab, [run.id, other.name])
    single = shown(services, tab, [run.id])
    history = tab.summary.plots["history"]
    assert len(both[history].data) > len(single[history].data)
    assert "Beside it" in both[tab.summary.headline]


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"metrics": {}, "comparison": {}}'])
def test_a_damaged_result_is_said_and_left_as_it_is(
    services: Services, tab: ResultsTab, run: Run, content: str
) -> None:
    path = run.path / "result.json"
    path.write_text(content, encoding="utf-8")
    for updates in (open_tab(services, tab), shown(services, tab, [run.id]), detailed(services, tab, [run.id])):
        assert updates[tab.summary.headline].startswith("**That cannot be shown.**")
        assert updates[tab.summary.body]["visible"] is False
    assert path.read_text(encoding="utf-8") == content
    assert run.adapter_dir.is_dir()


@pytest.mark.parametrize("names", HOSTILE)
def test_no_request_gets_more_than_plain_words(services: Services, tab: ResultsTab, run: Run, names: object) -> None:
    words = shown(services, tab, names)[tab.summary.headline]
    assert words.startswith("**That cannot be shown.**")
    assert "<" not in words
    assert shown_flips(services, names, *CHOICE)[0].startswith("**That cannot be shown.**")
    assert question(services, tab.history, names)[tab.history.message].startswith("**Nothing to delete.**")
    assert differing_settings(services, tab.history, names)[tab.history.differing]["visible"] is False
    assert open_tab(services, tab, names, names)[tab.runs]["value"] == [run.id]
    picked = toggled(names, names)
    assert isinstance(picked, dict) or len(picked) <= 4  # a dict says that nothing changes


def test_flips_are_listed_filtered_and_taken_to_compare(services: Services, run: Run) -> None:
    words, table, phenomena, _ = shown_flips(services, [run.id], "untrained_head", *CHOICE[1:])
    headers, rows = table["value"]["headers"], table["value"]["data"]
    assert words.startswith("Fine-tuning fixed")
    assert "Phenomenon" not in headers
    assert phenomena["visible"] is False
    assert len(headers) == len(rows[0]) == len(table["column_widths"]) == len(table["datatype"])
    event = gr.SelectData(None, {"index": [0, 0], "value": rows[0][0], "row_value": rows[0]})
    assert take_pair(event) == (rows[0][1], rows[0][2])
    _, none, *_ = shown_flips(services, [run.id], "untrained_head", "", "any phenomenon", "idx", "no such text")
    assert none["value"]["data"] == []


@pytest.mark.parametrize(
    "choice",
    [
        ("reloaded", *CHOICE[1:]),
        ("linear_probe", "mended", *CHOICE[2:]),
        (*CHOICE[:3], "random", ""),
        (*CHOICE[:4], "x" * 201),
        (*CHOICE[:4], None),
        CHOICE[:4],
    ],
)
def test_a_choice_that_no_control_offers_is_refused(services: Services, run: Run, choice: tuple[object, ...]) -> None:
    assert "cannot be read" in shown_flips(services, [run.id], *choice)[0]


@pytest.mark.parametrize("row", [None, [], ["fixed", 0.1, 0.2], ["fixed", "", "", *[0] * 6], "fixed"])
def test_a_row_without_sentences_goes_nowhere(row: object) -> None:
    event = gr.SelectData(None, {"index": [0, 0], "value": None, "row_value": row})
    with pytest.raises(gr.Error, match=NO_SENTENCE[:20]):
        take_pair(event)
    assert FLIP_HEADERS[1:3] == ("Sentence 1", "Sentence 2")


def test_what_is_taken_home_bears_the_runs_id(run: Run, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    archive = Path(written(run, ".zip", write_zip, cache))
    notebook = Path(written(run, ".ipynb", export_notebook, cache))
    numbers = Path(written(run, ".csv", write_numbers, cache))
    assert [path.name for path in (archive, notebook, numbers)] == [
        f"{run.id}{end}" for end in (".zip", ".ipynb", ".csv")
    ]
    assert f"{run.id}/adapter/adapter_config.json" in zipfile.ZipFile(archive).namelist()
    assert json.loads(notebook.read_text(encoding="utf-8"))["nbformat"] == 4
    assert numbers.read_text(encoding="utf-8-sig").startswith("Answerer,Accuracy")


def test_a_run_without_its_adapter_is_a_plain_error(run: Run, tmp_path: Path) -> None:
    shutil.rmtree(run.adapter_dir)
    with pytest.raises(RunError, match="damaged"):
        written(run, ".zip", write_zip, str(tmp_path / "cache"))


def test_only_who_started_a_run_or_the_owner_deletes_it(services: Services, run: Run) -> None:
    for secret in ("", "theirs", None, 7, "x" * 1000):
        with pytest.raises(NotYours):
            delete_runs(services, secret, [run.id])
    assert run.path.is_dir()
    assert delete_runs(services, "mine", [run.id]).startswith("Deleted")
    assert not run.path.exists()


def test_the_owner_deletes_any_run_but_not_a_recorded_one(services: Services, run: Run) -> None:
    recorded = services.recorded.folder / "recorded-run"
    shutil.copytree(run.path, recorded)
    owner_pass = services.who_may.owner_pass("the-owner", "")
    with pytest.raises(NotYours):
        delete_runs(services, "", [run.id, recorded.name], owner_pass)
    with pytest.raises(NotYours):
        delete_runs(services, "the-owner", [run.id], "the-owner")
    assert run.path.is_dir(), "all or none"
    delete_runs(services, "theirs", [run.id], owner_pass)
    assert finished_choices(services)[0][1] == recorded.name


def test_a_waiting_run_is_not_deleted(services: Services, tab: ResultsTab) -> None:
    waiting = services.store.create(make_config())
    waiting.set_owner("mine")
    with pytest.raises(RunError, match=r"is queued\. Stop it first"):
        delete_runs(services, "mine", [waiting.id])
    assert waiting.path.is_dir()
    assert finished_choices(services) == []
    assert "no result" in shown(services, tab, [waiting.id])[tab.summary.headline].replace("&#46;", ".")


def test_the_list_names_every_run_and_the_damaged_ones(services: Services, tab: ResultsTab, run: Run) -> None:
    broken = services.store.create(make_config())
    (broken.path / "status.json").write_text("{", encoding="utf-8")
    updates = listed(services, tab.history, "accuracy", "", [run.id, "gone"])
    assert [row[0] for row in updates[tab.history.table]["data"]] == [run.id]
    assert updates[tab.history.picked]["value"] == [run.id]
    assert broken.id.rsplit("-", 1)[1] in updates[tab.history.outcome]


def test_two_picked_runs_show_the_settings_that_differ(services: Services, tab: ResultsTab) -> None:
    runs = [services.store.create(make_config(r=r)).id for r in (4, 8)]
    updates = differing_settings(services, tab.history, runs)
    assert updates[tab.history.differing]["value"]["data"] == [["r", "4", "8"]]
    same = differing_settings(services, tab.history, runs[:1] * 2)
    assert "Pick another run" in same[tab.history.message]


def test_a_selected_row_is_picked_and_dropped_again() -> None:
    assert toggled([], ["a-run", "finished"]) == ["a-run"]
    assert toggled(["a-run", "b"], ["a-run"]) == ["b"]
    assert toggled(["1", "2", "3", "4"], ["5"]) == ["2", "3", "4", "5"]


def test_runs_that_did_not_change_are_not_read_again(
    services: Services, tab: ResultsTab, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run.path, services.store.folder / f"{run.id}-2")
    now, read, reads = time.time_ns(), run_module.read_json, []
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)  # ten seconds later: every file has settled
    chosen = (open_tab(services, tab)[tab.runs]["value"][0],)

    def counted(path: Path) -> dict[str, Any]:
        reads.append(path)
        return read(path)

    for module in (run_module, status_module):
        monkeypatch.setattr(module, "read_json", counted)
    for _ in range(3):
        assert len(open_tab(services, tab, "", chosen)[tab.history.table]["data"]) == 2
    assert reads == []
    other = services.store.open(f"{run.id}-2")
    other.set_status(message="Another")
    open_tab(services, tab, "", chosen)
    assert {path.parent.name for path in reads} == {other.id}
