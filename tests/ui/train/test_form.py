"""The form and RunConfig say the same, in both directions."""

import gradio as gr
import pytest

from qlora_core.config import PRESETS, RunConfig, make_config
from qlora_core.errors import ConfigError
from qlora_core.ui.train.form import FIELD_NAMES, FIELDS, SECTIONS, Field, config_from, control_values, preset_values

CHOSEN_ELSEWHERE = {"base_model", "dataset", "data_dir"}


def test_every_setting_has_one_control_and_every_control_a_setting() -> None:
    assert sorted(FIELD_NAMES) == sorted(RunConfig.model_fields.keys() - CHOSEN_ELSEWHERE)


def test_every_field_is_in_a_section_that_is_shown() -> None:
    assert {field.section for field in FIELDS} == set(SECTIONS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_control_bears_the_settings_own_name_and_a_sentence_of_help(field: Field) -> None:
    control = field.control(control_values(RunConfig())[FIELD_NAMES.index(field.name)])
    words, name = str(control.info), str(control.label)
    assert f"({field.name})" in name
    assert words.endswith(".")
    assert len(words.split()) >= 5


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_goes_through_the_controls_and_back_unchanged(preset: str) -> None:
    assert config_from("minilm", "pairs", preset_values(preset)) == make_config(preset)


def test_any_configuration_goes_through_the_controls_and_back_unchanged() -> None:
    config = make_config(r=4, target_modules=("query", "value"), use_rslora=True, max_train_samples=99, seed=7)
    assert config_from("minilm", "pairs", control_values(config)) == config


def test_an_unknown_preset_gives_the_standard_one() -> None:
    assert preset_values("../etc") == preset_values("standard")


@pytest.mark.parametrize(
    ("name", "value"),
    [("r", 0), ("r", "many"), ("learning_rate", None), ("target_modules", []), ("quantization", "nf5"), ("seed", -1)],
)
def test_what_a_control_would_not_let_through_is_refused_by_name(name: str, value: object) -> None:
    values = dict(zip(FIELD_NAMES, preset_values("standard"), strict=True)) | {name: value}
    with pytest.raises(ConfigError, match=name):
        config_from("minilm", "pairs", list(values.values()))


@pytest.mark.parametrize("empty", [None, 0])
def test_an_empty_box_means_all_pairs(empty: object) -> None:
    values = dict(zip(FIELD_NAMES, preset_values("quick"), strict=True)) | {"max_train_samples": empty}
    assert config_from("minilm", "pairs", list(values.values())).max_train_samples is None


@pytest.mark.parametrize("field", [field for field in FIELDS if field.kind is gr.Number], ids=lambda field: field.name)
def test_a_number_out_of_range_reaches_the_check_that_explains_it(field: Field) -> None:
    control = field.control(0)
    assert control.preprocess(-5) == -5
