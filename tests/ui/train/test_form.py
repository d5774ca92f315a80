"""The form and RunConfig say the same, in both directions."""

import gradio as gr
import pytest

from qlora_core.choices import SCHEMES
from qlora_core.config import SETTINGS, RunConfig, load_config, make_config
from qlora_core.errors import ConfigError
from qlora_core.presets import PRESETS
from qlora_core.ui.train.form import FIELD_NAMES, SLIDERS, config_from, control, control_values, preset_values

CHOSEN_ELSEWHERE = {"base_model", "dataset", "data_dir", "columns", "validation_file", "init_from", "init_classifier"}
VALUES = dict(zip(FIELD_NAMES, control_values(RunConfig()), strict=True))


def test_every_setting_but_the_subject_has_a_control() -> None:
    assert set(FIELD_NAMES) == SETTINGS.keys() - CHOSEN_ELSEWHERE
    assert set(FIELD_NAMES) >= SLIDERS.keys()


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_a_control_bears_the_settings_own_name_and_its_help(name: str) -> None:
    made = control(SETTINGS[name], VALUES[name])
    assert f"({name})" in str(made.label)
    assert made.info == SETTINGS[name].help


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("quantization", gr.Radio),
        ("bnb_4bit_use_double_quant", gr.Checkbox),
        ("bnb_4bit_compute_dtype", gr.Dropdown),
        ("target_modules", gr.CheckboxGroup),
        ("modules_to_save", gr.CheckboxGroup),
        ("learning_rate", gr.Number),
        ("max_train_samples", gr.Number),
        ("num_train_epochs", gr.Slider),
    ],
)
def test_the_kind_of_control_follows_from_the_fields_type(name: str, kind: type) -> None:
    assert type(control(SETTINGS[name], VALUES[name])) is kind


def test_choices_are_those_of_the_table() -> None:
    made = control(SETTINGS["quantization"], VALUES["quantization"])
    assert isinstance(made, gr.Radio)
    assert [value for _, value in made.choices] == list(SCHEMES)


@pytest.mark.parametrize("name", SLIDERS)
def test_both_ends_of_a_slider_are_allowed(name: str) -> None:
    made = control(SETTINGS[name], VALUES[name])
    assert isinstance(made, gr.Slider)
    for value in (made.minimum, made.maximum, made.minimum + made.step):
        load_config({name: value})


@pytest.mark.parametrize("name", ["seed", "train_batch_size", "max_train_samples", "bootstrap_samples"])
def test_boxes_for_whole_numbers_give_whole_numbers(name: str) -> None:
    made = control(SETTINGS[name], VALUES[name])
    assert type(made.preprocess(9.0)) is int


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


@pytest.mark.parametrize("name", ["learning_rate", "lora_alpha", "train_batch_size", "seed"])
def test_a_number_out_of_range_reaches_the_check_that_explains_it(name: str) -> None:
    made = control(SETTINGS[name], 0)
    assert isinstance(made, gr.Number)
    assert made.preprocess(-5) == -5
