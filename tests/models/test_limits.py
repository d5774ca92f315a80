"""What a base model leaves of the settings."""

import pytest

from qlora_core.errors import ConfigError
from qlora_core.models.limits import check_max_length, check_target_modules, is_target

LAYERS = (
    "layer.0.attention.self.query",
    "layer.0.attention.output.dense",
    "layer.0.output.dense",
    "layer.1.output.dense",
)


@pytest.mark.parametrize(
    ("target", "layers"),
    [
        ("query", [0]),
        ("output.dense", [1, 2, 3]),
        ("attention.output.dense", [1]),
        ("layer.1.output.dense", [3]),
        ("dense", [1, 2, 3]),
        ("ense", []),
        ("uery", []),
        ("layer.0", []),
    ],
)
def test_a_name_fits_a_layer_from_its_end_in_whole_parts(target: str, layers: list[int]) -> None:
    assert [number for number, layer in enumerate(LAYERS) if is_target(layer, [target])] == layers


def test_one_of_several_names_is_enough() -> None:
    assert is_target(LAYERS[0], ["value", "query"])
    assert not is_target(LAYERS[0], [])


def test_names_that_all_fit_a_layer_are_taken() -> None:
    check_target_modules(["query", "layer.1.output.dense"], LAYERS)


def test_a_name_that_fits_none_is_refused_with_those_there_are() -> None:
    words = r"'key'\. It has: attention\.output\.dense, attention\.self\.query, output\.dense\.$"
    with pytest.raises(ConfigError, match=words):
        check_target_modules(["query", "key"], LAYERS)


def test_pairs_may_be_as_long_as_the_table_of_positions() -> None:
    check_max_length(512, 512)
    with pytest.raises(ConfigError, match=r"^max_length: 513 tokens .* Set it to 512 or less\.$"):
        check_max_length(513, 512)
