"""FIELD=VALUE on the command line becomes a value of the field's type."""

import pytest

from qlora_core.cli.assignments import parse_assignments
from qlora_core.config import load_config
from qlora_core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("r=16", "r", 16),
        (" learning_rate = 1e-4", "learning_rate", 1e-4),
        ("use_rslora=true", "use_rslora", True),
        ("bnb_4bit_use_double_quant=0", "bnb_4bit_use_double_quant", False),
        ("target_modules=query, value,", "target_modules", ("query", "value")),
        ("modules_to_save=classifier", "modules_to_save", ("classifier",)),
        ("max_train_samples=None", "max_train_samples", None),
        ("data_dir=none", "data_dir", None),
        ("quantization=none", "quantization", "none"),
        ("dataset=a=b.csv", "dataset", "a=b.csv"),
    ],
)
def test_an_assignment_becomes_a_value(text: str, field: str, value: object) -> None:
    assert getattr(load_config(parse_assignments([text])), field) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [("r", r"'r' is not FIELD=VALUE"), ("rank=8", "There is no field 'rank'"), ("=8", "There is no field ''")],
)
def test_an_assignment_that_names_no_field_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_assignments([text])


def test_text_for_a_number_is_refused_when_the_configuration_is_made() -> None:
    with pytest.raises(ConfigError, match=r"^r should be a valid integer.*, not 'many'"):
        load_config(parse_assignments(["r=many"]))
