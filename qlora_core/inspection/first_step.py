"""The first step of training, on a run's real model: B is 0, so A's gradient is exactly 0, and B's is not.

Hu et al. 2021 (arXiv:2106.09685), section 4.1: A is drawn at random and B is 0, so that an adapter begins as no change
at all. dL/dA = (alpha / r) B^T (dL/dy)^T x is 0 with it; dL/dB = (alpha / r) (dL/dy)^T (A x)^T is not.
"""

from dataclasses import dataclass

import torch
from torch import nn

from qlora_core.data.batching import pad_batch, without_labels
from qlora_core.data.typed_pairs import Pair
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.matrices import adapted_layer, matrix_names
from qlora_core.inspection.spectrum import ADAPTER
from qlora_core.models.adapter import trainable_state
from qlora_core.models.inference import autocast

#: What is learned from where nobody names anything else: pairs of the program's own, and their labels.
FIRST_PAIRS: tuple[list[Pair], list[int]] = (
    [
        ("The ferry leaves at nine.", "The ferry departs at nine o'clock."),
        ("The ferry leaves at nine.", "The ferry leaves at ten."),
        ("Anna sold the boat to Ben.", "Ben bought the boat from Anna."),
        ("Anna sold the boat to Ben.", "Ben sold the boat to Anna."),
    ],
    [1, 0, 1, 0],
)


@dataclass(frozen=True)
class Moment:
    """Sizes (Frobenius norms) over all adapted matrices, before a step."""

    step: int  #: steps taken so far
    loss: float
    a_norm: float
    b_norm: float
    a_gradient: float
    b_gradient: float
    a_moved: float  #: how far A is from where it began
    b_moved: float


def first_steps(predictor: Predictor, pairs: list[Pair], labels: list[int], steps: int = 2) -> list[Moment]:
    """Train a fresh adapter for a few steps on a few pairs, and look at it before each and after the last.

    The adapter is drawn from the run's seed, as the run's own was; its learning rate is the run's, without warm-up, and
    dropout is off. The run's model is not touched.

    Args:
        pairs: at least one, each with its label, 0 or 1.
        steps: a few, see ``questions.MAX_STEPS``.

    Returns:
        ``steps`` + 1 moments.
    """
    model = predictor.models.with_lora(predictor.models.quantized().model).eval()
    layers = [layer for name in matrix_names(model) if (layer := adapted_layer(model, name)) is not None]
    a = [layer.lora_A[ADAPTER].weight for layer in layers]
    b = [layer.lora_B[ADAPTER].weight for layer in layers]
    began = [[tensor.detach().clone() for tensor in group] for group in (a, b)]
    optimizer = torch.optim.AdamW(
        trainable_state(model).values(),
        lr=predictor.config.learning_rate,
        weight_decay=predictor.config.weight_decay,
    )
    tokenized = without_labels(predictor.encode(pairs), predictor.tokenizer, predictor.config.max_length)
    batch = pad_batch(tokenized, list(range(len(pairs))))
    device = predictor.processes.device
    moments = []
    for step in range(steps + 1):
        optimizer.zero_grad()
        with autocast(model, device):
            logits = model(**{name: tensor.to(device) for name, tensor in batch.items()}).logits
        loss = nn.functional.cross_entropy(logits.float(), torch.tensor(labels, device=device))
        loss.backward()
        gradients = [[tensor.grad for tensor in group] for group in (a, b)]
        moved = [
            [tensor.detach() - start for tensor, start in zip(*group, strict=True)]
            for group in zip((a, b), began, strict=True)
        ]
        moments.append(Moment(step, loss.item(), *map(_norm, (a, b)), *map(_norm, gradients), *map(_norm, moved)))
        if step < steps:
            optimizer.step()
    return moments


def _norm(tensors: list[torch.Tensor]) -> float:
    return float(torch.stack([tensor.detach().float().norm() for tensor in tensors]).norm())
