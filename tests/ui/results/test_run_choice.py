"""What a run is called where it is chosen."""

from qlora_core.config import make_config
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.ui.results.run_choice import long_label, short_label


def test_a_run_is_labelled_by_what_it_is_and_came_to(finished_run: Run, store: RunStore) -> None:
    accuracy = finished_run.require_result()["metrics"]["finetuned"]["accuracy"]
    label = long_label(finished_run, "recorded")
    assert label.startswith(f"tiny-bert on tiny.jsonl, accuracy {accuracy:.3f}")
    assert label.endswith(", recorded")
    damaged = store.create(make_config())
    (damaged.path / "result.json").write_text("{}", encoding="utf-8")
    assert "result damaged" in long_label(damaged, "")


def test_a_run_that_was_started_from_another_says_so(store: RunStore) -> None:
    scratch, started = store.create(make_config()), store.create(make_config(init_from="an-earlier-run-ab12"))
    assert short_label(scratch) == f"{scratch.id[-4:]} minilm"
    assert short_label(started) == f"{started.id[-4:]} from ab12"
    assert ", from ab12, " in long_label(started, "")
    assert "from" not in long_label(scratch, "")
