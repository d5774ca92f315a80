"""The engine's functions and constants as they are put into a notebook."""

from typing import Any

import pytest

from qlora_core.data.batching import PAD_TO_MULTIPLE_OF, padded
from qlora_core.export.engine_source import CONSTANTS, engine


def test_constants_are_the_engine_s_own_with_their_comments() -> None:
    for module, name in CONSTANTS:
        code = engine(name)
        names: dict[str, Any] = {}
        exec(code, names)
        assert names[name] == getattr(module, name)
        assert code.startswith("# ")


def test_what_is_asked_for_comes_in_that_order_with_room_for_what_follows() -> None:
    code = engine("PAD_TO_MULTIPLE_OF", "padded")
    assert code.index(f"\nPAD_TO_MULTIPLE_OF = {PAD_TO_MULTIPLE_OF}\n\n\ndef padded(") > 0
    assert code.endswith("\n\n\n")


def test_a_function_works_with_nothing_of_the_package_around_it() -> None:
    names: dict[str, Any] = {}
    exec(f"import math\n{engine('PAD_TO_MULTIPLE_OF', 'padded')}", names)
    assert [names["padded"](longest, 40) for longest in (1, 17, 39)] == [padded(longest, 40) for longest in (1, 17, 39)]


def test_what_is_not_listed_is_not_to_be_had() -> None:
    with pytest.raises(KeyError, match="load_quantized"):
        engine("load_quantized")
