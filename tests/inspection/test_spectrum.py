"""Singular values of an adapter's change, and the adapter with fewer directions."""

import pytest
import torch

from qlora_core.data.typed_pairs import Pair
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.matrices import MatrixName, adapted_layer, linear_layer
from qlora_core.inspection.spectrum import ADAPTER, adapter_spectrum, strongest, weight_of
from tests.evaluation.test_predictor import state

PAIR: Pair = ("the ferry opened early", "the ferry closed early")


def change(predictor: Predictor, layer: int, role: str) -> torch.Tensor:
    """The large product itself."""
    found = adapted_layer(predictor.model, MatrixName(layer, role))
    assert found is not None
    a, b = found.lora_A[ADAPTER].weight, found.lora_B[ADAPTER].weight
    return found.scaling[ADAPTER] * b.detach().double() @ a.detach().double()


def test_singular_values_and_norms_are_those_of_the_product(inspected: Predictor) -> None:
    spectrum = adapter_spectrum(inspected).changes
    assert len(spectrum) == 12
    for found in spectrum:
        whole = change(inspected, found.layer, found.role)
        values = torch.linalg.svdvals(whole)[: inspected.config.r]
        assert torch.allclose(torch.tensor(found.singular_values, dtype=torch.double), values, atol=1e-9)
        base = weight_of(linear_layer(inspected.model, MatrixName(found.layer, found.role)))
        assert found.relative == pytest.approx(float(whole.norm() / base.norm()), rel=1e-6)
        assert 1 <= found.effective_rank <= inspected.config.r


def test_the_strongest_directions_are_the_best_of_that_rank(inspected: Predictor) -> None:
    before = {name: tensor.clone() for name, tensor in state(inspected).items()}
    found = adapter_spectrum(inspected).changes[0]
    whole = change(inspected, found.layer, found.role)
    for k in (0, 1, 3):
        with strongest(inspected.model, k):
            left = change(inspected, found.layer, found.role) - whole
            expected = sum(value**2 for value in found.singular_values[k:]) ** 0.5
            assert float(left.norm()) == pytest.approx(expected, rel=1e-3)
    assert all(torch.equal(before[name], tensor) for name, tensor in state(inspected).items())


def test_all_directions_answer_as_the_adapter_does_and_fewer_do_not(inspected: Predictor) -> None:
    whole = inspected.answer([PAIR])
    with strongest(inspected.model, inspected.config.r):
        assert inspected.answer([PAIR]) == whole
    with strongest(inspected.model, 0):
        assert inspected.answer([PAIR])[0].adapter != whole[0].adapter
    assert inspected.answer([PAIR]) == whole
