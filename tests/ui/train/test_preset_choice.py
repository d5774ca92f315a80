"""What is said of the presets, and what choosing another one, or other pairs, makes of the settings."""

from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import make_config
from qlora_core.presets import PRESETS
from qlora_core.server import estimates
from qlora_core.server.services import Services, make_services
from qlora_core.ui.train.form import FIELD_NAMES, preset_values
from qlora_core.ui.train.preset_choice import filled, preset_choices, refill

R = FIELD_NAMES.index("r")
LEARNING_RATE = FIELD_NAMES.index("learning_rate")
MAX_TRAIN_SAMPLES = FIELD_NAMES.index("max_train_samples")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


@pytest.fixture
def values_by_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset "quick" has another learning rate on MRPC."""

    def make(preset: str = "standard", **changes: object) -> Any:
        on_mrpc = (preset, changes.get("dataset")) == ("quick", "mrpc")
        return make_config(preset, **({"learning_rate": 5e-5} if on_mrpc else {}) | changes)

    monkeypatch.setattr("qlora_core.ui.train.form.make_config", make)


def test_another_preset_sets_everything() -> None:
    values = preset_values("quick", "pairs")
    values[R] = 99
    assert refill("notebook", "pairs", filled("quick", "pairs"), *values) == [
        filled("notebook", "pairs"),
        *preset_values("notebook", "pairs"),
    ]


@pytest.mark.usefixtures("values_by_dataset")
def test_other_pairs_set_what_their_recipe_has_otherwise_and_leave_what_a_visitor_changed() -> None:
    values = preset_values("quick", "pairs")
    values[R] = 99
    text, *after = refill("quick", "mrpc", filled("quick", "pairs"), *values)
    assert text == filled("quick", "mrpc")
    assert (after[R], after[LEARNING_RATE]) == (99, 5e-5)
    back = refill("quick", "pairs", text, *after)
    assert back[1:] == values


@pytest.mark.usefixtures("values_by_dataset")
def test_a_learning_rate_of_ones_own_stays_with_other_pairs() -> None:
    values = preset_values("quick", "pairs")
    values[LEARNING_RATE] = 1e-3
    assert refill("quick", "mrpc", filled("quick", "pairs"), *values)[1 + LEARNING_RATE] == 1e-3


def test_an_empty_box_is_no_change() -> None:
    values = preset_values("standard", "pairs")
    assert values[MAX_TRAIN_SAMPLES] is None
    values[MAX_TRAIN_SAMPLES] = 0
    after = refill("standard", "mrpc", filled("standard", "pairs"), *values)
    assert after[1:] == preset_values("standard", "mrpc")


@pytest.mark.parametrize("before", ["", "quick", "nothing known", "x " * 50])
def test_whatever_is_sent_as_filled_is_answered(before: str) -> None:
    values = preset_values("quick", "pairs")
    assert len(refill("../etc", "/etc/passwd", before, *values)) == 1 + len(values)


def test_each_preset_says_what_it_is_for_and_what_it_takes(services: Services) -> None:
    choices = preset_choices(services, "minilm", "pairs")
    assert [name for _, name in choices] == list(PRESETS)
    for text, name in choices:
        preset = PRESETS[name]
        assert text.startswith(f"{preset.label}: {preset.help}")
        assert preset.cost in text


@pytest.mark.parametrize(("base_model", "dataset"), [("bert-base-cased", "pairs"), ("minilm", "file"), ("", "")])
def test_where_no_cost_is_known_none_is_said(base_model: str, dataset: str, services: Services) -> None:
    for text, name in preset_choices(services, base_model, dataset):
        assert text == f"{PRESETS[name].label}: {PRESETS[name].help}."


def test_a_measured_cost_takes_the_place_of_the_tables(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "measure_cost", lambda *_, **__: {"seconds": [110.0, 190.0]})
    services.estimates.measure(make_config("quick"))
    said = {name: text for text, name in preset_choices(services, "minilm", "pairs")}
    assert "1.8 min to 3.2 min on this machine" in said["quick"]
    assert PRESETS["quick"].cost not in said["quick"]
    assert PRESETS["standard"].cost in said["standard"]
