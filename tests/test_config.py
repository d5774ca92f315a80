"""Settings of a run: limits, presets, texts that become values, and the way to JSON and back."""

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig
from pydantic import ValidationError
from transformers import BitsAndBytesConfig, TrainingArguments

from qlora_core.choices import BERT_LINEAR_LAYERS, COMPUTE_DTYPES, MODULES_TO_SAVE, SCHEDULERS, SCHEMES, Choice
from qlora_core.config import SETTINGS, RunConfig, load_config, make_config
from qlora_core.data.catalog import DATASETS
from qlora_core.errors import ConfigError
from qlora_core.fields import SECTIONS, Setting
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.presets import DEFAULT_PRESET, FIRST_PRESET, PRESETS, Preset

LAYERS = st.text("abcXYZ019_.", min_size=1, max_size=100)
NAMES = st.text(min_size=1, max_size=30)
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "base_model": NAMES,
    "dataset": NAMES,
    "data_dir": st.none() | NAMES,
    "columns": st.none() | st.tuples(NAMES, NAMES, NAMES),
    "validation_file": st.none() | NAMES,
    "seed": st.integers(0, 2**31 - 1),
    "max_train_samples": st.none() | st.integers(8, 1_000_000),
    "quantization": st.sampled_from(list(SCHEMES)),
    "bnb_4bit_compute_dtype": st.sampled_from([name for name in COMPUTE_DTYPES if name != "float16"]),
    "r": st.integers(1, 256),
    "lora_alpha": st.floats(0, 1024, exclude_min=True),
    "lora_dropout": st.floats(0, 1, exclude_max=True),
    "target_modules": st.lists(LAYERS, min_size=1, max_size=16, unique=True).map(tuple),
    "modules_to_save": st.sampled_from([("classifier",), ("classifier", "pooler"), ("pooler", "classifier")]),
    "learning_rate": st.floats(0, 0.1, exclude_min=True),
    "lr_scheduler_type": st.sampled_from(list(SCHEDULERS)),
    "bnb_4bit_use_double_quant": st.booleans(),
}
OUT_OF_RANGE = [
    ("base_model", ""),
    ("dataset", "x" * 4097),
    ("columns", "a,b"),
    ("columns", "a,b,a"),
    ("columns", "a,,b"),
    ("columns", '"a,b,c'),
    ("columns", ("a", "b")),
    ("validation_file", ""),
    ("seed", -1),
    ("seed", 2**31),
    ("max_train_samples", 7),
    ("max_eval_samples", 1_000_001),
    ("max_length", 7),
    ("max_length", 513),
    ("quantization", "int4"),
    ("bnb_4bit_compute_dtype", "float64"),
    ("r", 0),
    ("r", 257),
    ("lora_alpha", 0),
    ("lora_dropout", 1),
    ("lora_dropout", -0.1),
    ("target_modules", ()),
    ("target_modules", tuple("abcdefghijklmnopq")),
    ("learning_rate", 0),
    ("learning_rate", 0.11),
    ("num_train_epochs", 0),
    ("num_train_epochs", 101),
    ("train_batch_size", 0),
    ("eval_batch_size", 1025),
    ("warmup_ratio", 1),
    ("lr_scheduler_type", "polynomial"),
    ("weight_decay", -0.01),
    ("max_grad_norm", 0),
    ("label_smoothing_factor", 0.5),
    ("hidden_dropout_prob", 1),
    ("swap_probability", 1.01),
    ("easy_pairs_steps", -1),
    ("evaluations_per_epoch", 0),
    ("bootstrap_samples", 99),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [("a,b,c", ("a", "b", "c")), (' #1 String, "x, y" ,Quality ', ("#1 String", "x, y", "Quality")), ("  ", None)],
)
def test_columns_may_be_written_with_commas(text: str, names: tuple[str, ...] | None) -> None:
    assert make_config(columns=text).columns == names


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_json_gives_the_same_configuration_back(values: dict[str, object]) -> None:
    config = load_config(values)
    assert load_config(json.loads(json.dumps(config.model_dump(mode="json")))) == config


@pytest.mark.parametrize(("field", "value"), OUT_OF_RANGE)
def test_a_value_out_of_range_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({field: value})
    assert str(caught.value).startswith(field)
    assert f"not {str(value)[:80]!r}." in str(caught.value)


def test_only_new_layers_are_trained_in_full() -> None:
    there_are = "'classifier', 'pooler' or 'token_type_embeddings'"
    with pytest.raises(ConfigError, match=rf"^modules_to_save should be {there_are}, not 'encoder'\.$"):
        make_config(modules_to_save=("classifier", "encoder"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", "inf"])
def test_only_finite_numbers_are_taken(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^learning_rate should be a finite number"):
        make_config(learning_rate=value)


@pytest.mark.parametrize("field", ["base_model", "dataset", "data_dir", "target_modules"])
def test_a_name_that_no_file_of_text_can_hold_is_refused(field: str) -> None:
    value = "half \ud800"
    with pytest.raises(ConfigError, match=rf"^{field} should be a valid string"):
        load_config({field: [value] if field == "target_modules" else value})


def test_every_wrong_field_is_named_in_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(r=0, seed="x\ny", rank=4)
    message = str(caught.value)
    assert all(name in message for name in ("r should", "seed should", "rank is no setting"))
    assert "\n" not in message


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"lora_r is no setting; settings are: base_model, .*seed\.$"):
        load_config({"lora_r": 8})


@pytest.mark.parametrize("value", ["no list", 8, None, {"query": 1}])
def test_layers_have_to_be_a_list(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^target_modules should be"):
        make_config(target_modules=value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantization": "none", "bnb_4bit_compute_dtype": "float16"}, "float16 is for 4-bit weights"),
        ({"quantization": "int8", "bnb_4bit_compute_dtype": "float16"}, "float16 is for 4-bit weights"),
        ({"target_modules": ("query", "value", "query")}, "a layer is named twice"),
        ({"modules_to_save": ("pooler",)}, "the classifier is new"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_config(changes)


@pytest.mark.parametrize("quantization", [name for name, scheme in SCHEMES.items() if scheme.bits == 4])
def test_four_bit_weights_may_compute_in_float16(quantization: str) -> None:
    assert make_config(quantization=quantization, bnb_4bit_compute_dtype="float16").quantization == quantization


@pytest.mark.parametrize(
    ("field", "choices"),
    [
        ("quantization", SCHEMES),
        ("bnb_4bit_compute_dtype", COMPUTE_DTYPES),
        ("lr_scheduler_type", SCHEDULERS),
        ("modules_to_save", MODULES_TO_SAVE),
    ],
)
def test_a_choice_is_a_name_of_its_table(field: str, choices: dict[str, Choice]) -> None:
    for name in choices:
        value = ("classifier", *{name} - {"classifier"}) if field == "modules_to_save" else name
        assert getattr(load_config({field: value}), field) == value
    with pytest.raises(ConfigError, match=rf"^{field} should be '.*' or '{list(choices)[-1]}', not '.*x'"):
        load_config({field: ("x",) if field == "modules_to_save" else "x"})


def test_a_configuration_cannot_be_changed() -> None:
    config = make_config()
    with pytest.raises(ValidationError, match="frozen"):
        config.r = 4  # type: ignore[misc]


@pytest.mark.parametrize("dataset", [*DATASETS, "mine.csv"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_what_it_says_and_nothing_else(preset: str, dataset: str) -> None:
    values = make_config(preset, dataset=dataset).model_dump()
    assert values == RunConfig(dataset=dataset).model_dump() | dict(PRESETS[preset].values_for(dataset))


def test_a_preset_may_differ_by_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    preset = Preset("mine", "", "", "", {"r": 4, "seed": 3}, {"mrpc": {"r": 8}})
    monkeypatch.setitem(PRESETS, "mine", preset)
    drawn = [make_config("mine", **names) for names in ({}, {"dataset": "mrpc"}, {"dataset": "a.csv"})]
    assert [(config.r, config.seed) for config in drawn] == [(4, 3), (8, 3), (4, 3)]
    assert make_config("mine", dataset="mrpc", r=2).r == 2
    assert set().union(*(preset.for_datasets for preset in PRESETS.values())) <= DATASETS.keys()


def test_the_notebook_preset_is_the_classic_recipe() -> None:
    config = make_config("notebook")
    assert (config.r, config.lora_alpha, config.lora_dropout, config.num_train_epochs) == (8, 16, 0.1, 3)
    assert config.target_modules == ("query", "value")


def test_a_change_wins_over_the_preset() -> None:
    config = make_config("quick", num_train_epochs=5)
    assert (config.num_train_epochs, config.max_train_samples) == (5, PRESETS["quick"].values["max_train_samples"])


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'fast'\. Choose one of: quick, standard, notebook\.$"):
        make_config("fast")


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_every_setting_has_a_label_and_says_what_it_does_in_sentences(setting: Setting) -> None:
    assert setting.label
    assert setting.help.endswith(".")
    assert len(setting.help.split()) >= 4
    assert setting.default == getattr(RunConfig(), setting.name)


def test_settings_stand_together_by_section() -> None:
    sections = [section for section, _ in itertools.groupby(SETTINGS.values(), lambda setting: setting.section)]
    assert tuple(sections) == SECTIONS


def test_defaults_are_names_of_the_tables() -> None:
    assert SETTINGS["base_model"].default in BASE_MODELS
    assert SETTINGS["dataset"].default in DATASETS
    assert {DEFAULT_PRESET, FIRST_PRESET} <= PRESETS.keys()
    assert PRESETS[DEFAULT_PRESET].values == {}  # what a file of one's own is trained with, unless it is said otherwise


def test_names_are_those_of_the_libraries() -> None:
    lora = {"r", "lora_alpha", "lora_dropout", "target_modules", "use_rslora", "modules_to_save"}
    trainer = {"learning_rate", "num_train_epochs", "lr_scheduler_type", "weight_decay", "max_grad_norm", "seed"}
    fields = set(RunConfig.model_fields)
    assert lora <= fields & set(LoraConfig.__dataclass_fields__)
    assert trainer <= fields & set(TrainingArguments.__dataclass_fields__)
    assert all(hasattr(BitsAndBytesConfig(), name) for name in fields if name.startswith("bnb_"))


def test_all_linear_layers_of_a_block_are_adapted_by_default() -> None:
    assert make_config().target_modules == BERT_LINEAR_LAYERS


@pytest.mark.parametrize("name", ["x" * 101, "a b", "![x](http://evil.example)", "<img>", "a\n", "a/b", "\u202e"])
def test_a_name_of_a_layer_is_that_of_a_module(name: str) -> None:
    with pytest.raises(ConfigError, match="target_modules"):
        make_config(target_modules=[name])
    assert make_config(target_modules=["attention.output.dense", "layer_0"])
