"""A whole matrix in every format."""

import numpy as np
import pytest
import torch

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.formats import INT4_LARGEST, formats, plain_int4
from qlora_core.inspection.questions import ROLES


def test_every_format_counts_every_weight_and_takes_the_bytes_it_says(inspected: Predictor) -> None:
    found = formats(inspected, 0, ROLES[4])
    by_name = {stored.name: stored for stored in found.formats}
    n = np.prod(found.shape)
    assert all(sum(stored.counts) == n for stored in found.formats)
    assert {name: stored.bits for name, stored in by_name.items() if "double" not in name and name != "int8"} == {
        "float32": 32,
        "NF4": 4.5,
        "FP4": 4.5,
        "plain int4": 4.5,
    }
    assert 4 < by_name["NF4, double quantisation"].bits < 4.5
    assert by_name["int8"].bits == 8 + 32 / found.shape[1]


def test_on_normal_weights_nf4_is_the_best_of_four_bits(inspected: Predictor) -> None:
    errors = {stored.name: stored.relative_error for stored in formats(inspected, 1, ROLES[0]).formats}
    assert errors["float32"] == 0 < errors["int8"] < errors["NF4"] < errors["plain int4"]
    assert errors["NF4"] < errors["FP4"]
    assert errors["NF4, double quantisation"] == pytest.approx(errors["NF4"], rel=0.05)


def test_plain_int4_has_fifteen_levels_and_keeps_the_largest() -> None:
    weight = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    back, blocks = plain_int4(weight)
    assert blocks == 4
    for row, returned in zip(weight, back, strict=True):
        largest = row.abs().max()
        levels = returned / largest * INT4_LARGEST
        assert torch.allclose(levels, levels.round(), atol=1e-5)
        assert returned.abs().max() == pytest.approx(float(largest))
    assert torch.equal(plain_int4(torch.zeros(2, 40))[0], torch.zeros(2, 40))
