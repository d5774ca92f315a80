"""Several runs asked for at once: which seeds they get, what is refused, and what they say together."""

from pathlib import Path
from typing import Any

import pytest

from qlora_core.errors import ConfigError, QueueError
from qlora_core.server.services import Services, make_services
from qlora_core.server.together import check_repeatable, said_together, submit_together, with_other_seeds
from tests.evaluation.several.runs import add_run


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", tmp_path / "recorded", "the-owner", max_waiting=4)


def test_a_run_is_repeated_with_the_lowest_seeds_that_are_free(services: Services) -> None:
    run = add_run(services.store, range(10), seed=1)
    add_run(services.store, range(10), seed=2)
    add_run(services.store, range(10), seed=0, r=4)
    configs = with_other_seeds(services, run, 3)
    assert [config.seed for config in configs] == [0, 3, 4]
    runs = submit_together(services, configs, "somebody")
    assert [waiting.id for waiting in services.queue.waiting()] == [one.id for one in runs]
    assert [config.seed for config in with_other_seeds(services, run, 1)] == [5]
    with pytest.raises(QueueError, match="already"):
        submit_together(services, with_other_seeds(services, run, 1), "somebody")


@pytest.mark.parametrize("how_many", [0, -1, 13])
def test_so_many_runs_are_not_asked_for(services: Services, how_many: int) -> None:
    with pytest.raises(ConfigError, match="at most 12 runs"):
        with_other_seeds(services, add_run(services.store, range(3)), how_many)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_model": "/srv/models/secret"}, "base model"),
        ({"dataset": "/etc/passwd.csv"}, "pairs"),
        ({"dataset": "../uploads/../../else.csv"}, "pairs"),
        ({"dataset": "mrpc", "data_dir": "/srv/glue"}, "pairs"),
        ({"validation_file": "/srv/other.csv"}, "pairs"),
    ],
)
def test_a_run_that_no_visitor_could_have_started_is_not_repeated(
    services: Services, changes: dict[str, Any], words: str
) -> None:
    run = add_run(services.store, range(3), **changes)
    with pytest.raises(ConfigError, match=words):
        with_other_seeds(services, run, 1)


def test_an_uploaded_file_may_be_learned_from_again(services: Services) -> None:
    kept = services.store.uploads.folder / "pairs-1.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("sentence1,sentence2,label\n", encoding="utf-8")
    check_repeatable(services, add_run(services.store, range(3), dataset=str(kept)).config)


def test_runs_of_a_kind_say_how_far_they_have_come_and_what_may_be_claimed(services: Services) -> None:
    first = add_run(services.store, range(10))
    assert said_together(services, first, [])["spread"] is None
    second, third = add_run(services.store, range(14), seed=1), add_run(services.store, range(60), r=4)
    (waiting,) = submit_together(services, with_other_seeds(services, first, 1), "somebody")
    said = said_together(services, first, [])
    assert (said["done"], said["going_on"]) == ([first.id, second.id], [waiting.id])
    assert said["claims"][0].startswith("Over 2 seeds, fine-tuning")
    effects = said_together(services, third, ["r"])["effects"]["effects"]
    assert [(effect["first"], effect["second"], effect["outcome"]) for effect in effects] == [(4, 16, "better")]


@pytest.mark.parametrize(
    "settings", [["seed"], ["dataset"], ["no"], ["r", "lora_alpha", "learning_rate", "weight_decay"]]
)
def test_what_cannot_be_looked_at_is_refused(services: Services, settings: list[str]) -> None:
    with pytest.raises(ConfigError, match="at most 3 settings"):
        said_together(services, add_run(services.store, range(3)), settings)
