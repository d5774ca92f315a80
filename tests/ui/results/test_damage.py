"""Whatever is damaged in one run, the tab shows the others, and of the damaged one as much as there is."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qlora_core.cli.main import main
from qlora_core.config import make_config
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.sides import second_choices
from qlora_core.ui.results.flips_panel import shown_flips
from qlora_core.ui.results.history_panel import differing_settings, listed
from qlora_core.ui.results.run_choice import all_choices, finished_choices
from qlora_core.ui.results.tab import ResultsTab, detailed, opened, shown
from qlora_core.ui.train.live_news import Poll, run_to_show, view
from qlora_core.ui.train.submission import submit_run
from qlora_core.ui.words.finished import SAME_SETTINGS
from tests.damage import HIDING, LISTED, add_strays, small_run

CHOICE = ("linear_probe", "", "any phenomenon", "change", "")
DAMAGED = "19990101-000000-damaged-0000"
#: Damage that keeps a run's own outcome from being shown; everything else leaves it on show.
NO_OUTCOME = {name for name in LISTED if name.startswith(("result ", "accuracy ", "dataset ", "history "))}
ALL = {**HIDING, **{name: damage for name, (damage, _) in LISTED.items()}}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    return small_run(tmp_path_factory.mktemp("template"))


@pytest.fixture
def good(services: Services, template: Path) -> Run:
    """That run in the server's store, and what else may lie there."""
    services.store.folder.mkdir()
    run = Run(shutil.copytree(template, services.store.folder / template.name))
    add_strays(services.store.folder, run.path)
    return run


def headline(tab: ResultsTab, updates: dict[Any, Any]) -> str:
    return str(updates[tab.summary.headline])


def put(services: Services, good: Run, name: str, run_id: str = DAMAGED) -> str:
    """A damaged copy of a run; returns its id."""
    folder = Path(shutil.copytree(good.path, services.store.folder / run_id))
    ALL[name](folder)
    return run_id


def test_beside_every_damaged_run_the_good_one_is_complete(
    services: Services, tab: ResultsTab, good: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {put(services, good, name, f"19990101-000000-{number}"): name for number, name in enumerate(ALL)}
    ids = {good.id, *(run_id for run_id, name in names.items() if name in LISTED)}
    hidden = set(names) - ids

    updates = opened(services, tab, "", [], "newest first", "", [])
    assert updates[tab.runs]["value"] == [good.id]
    assert "linear probe" in headline(tab, updates)
    table = {row[0]: row for row in updates[tab.history.table]["data"]}
    assert set(table) == ids
    assert None not in table[good.id]
    assert {run_id for _, run_id in all_choices(services)} == ids
    assert updates[tab.history.outcome].startswith("What is damaged is left as it is:")
    assert "stray" not in updates[tab.history.outcome]
    assert good.id in {run_id for _, run_id in finished_choices(services)} <= ids
    assert good.id in [run_id for _, run_id in second_choices(services)]

    rest = detailed(services, tab, [good.id])
    assert len(rest[tab.summary.numbers]["value"]["data"]) > 4
    assert shown_flips(services, [good.id], *CHOICE)[0].startswith("Fine-tuning fixed")
    assert view(services, good, Poll(run=good.id, about=True))["state"] == "finished"

    assert main(["runs", "--json", "--runs-dir", str(services.store.folder)]) == 0
    report = json.loads(capsys.readouterr().out)
    rows = {row["run_id"]: row for row in report["runs"]}
    assert set(rows) == ids
    assert rows[good.id]["accuracy"] == good.require_result()["metrics"]["finetuned"]["accuracy"]
    assert set(report["damaged"]) == hidden
    assert set(report["damage"]) == {run_id for run_id, name in names.items() if name in HIDING or LISTED[name][1]}

    run = submit_run(services, make_config(seed=7), "mine")
    assert run_to_show(services, "mine") == run


@pytest.mark.parametrize("name", LISTED)
def test_a_damaged_run_shows_what_it_has(name: str, services: Services, tab: ResultsTab, good: Run) -> None:
    put(services, good, name)
    first, rest = shown(services, tab, [DAMAGED]), detailed(services, tab, [DAMAGED])
    assert ("linear probe" in headline(tab, first)) == (name not in NO_OUTCOME)
    assert headline(tab, first).startswith("**That cannot be shown.**") == (name in NO_OUTCOME)
    assert name in NO_OUTCOME or tab.summary.numbers in rest
    flipped = shown_flips(services, [DAMAGED], *CHOICE)[0]
    assert flipped.startswith(("Fine-tuning fixed", "**That cannot be shown.**"))
    run = services.store.open(DAMAGED)
    seen = view(services, run, Poll(run=DAMAGED, about=True))
    json.dumps(seen, allow_nan=False)
    beside = shown(services, tab, [good.id, DAMAGED])
    assert headline(tab, beside).startswith(("## ", "**That cannot be shown.**"))
    said = differing_settings(services, tab.history, [good.id, DAMAGED])[tab.history.message]
    assert said == SAME_SETTINGS
    assert listed(services, tab.history, "accuracy", "", [DAMAGED])[tab.history.picked]["value"] == [DAMAGED]
