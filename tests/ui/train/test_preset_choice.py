"""What is said of the presets, and what choosing another one, or other pairs, makes of the settings."""

import json
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.data.catalog import DATASETS, OWN_FILE
from qlora_core.presets import PRESETS
from qlora_core.server import estimates
from qlora_core.server.services import Services, make_services
from qlora_core.ui.opening import opening_everywhere
from qlora_core.ui.scripts import FORM
from qlora_core.ui.train.form import preset_values
from qlora_core.ui.train.preset_choice import filled, preset_choices, refill


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


def test_the_page_has_every_settings_value_by_preset_and_pairs() -> None:
    script = refill()
    table, _end = json.JSONDecoder().raw_decode(script, script.index('{"'))
    assert table == {
        preset: {dataset: preset_values(preset, dataset) for dataset in (*DATASETS, OWN_FILE.name)}
        for preset in PRESETS
    }
    assert table["quick"]["mrpc"] != table["quick"]["pairs"]
    assert FORM.address in script


def test_what_the_page_opens_with_is_known_to_it(services: Services) -> None:
    opening = opening_everywhere(services)
    assert filled(opening.preset, opening.dataset) == "quick pairs"


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
