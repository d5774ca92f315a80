"""A batch's loss, and the parts it is taken in."""

import torch
import torch.nn.functional as F

from qlora_core.data.batching import TokenizedPairs, pad_batch
from qlora_core.models.inference import autocast

#: A larger batch is taken in parts, whose gradients add up: a CPU is no faster with more, and needs more memory.
MAX_PAIRS_AT_ONCE_ON_CPU = 16


def summed_loss(
    model: torch.nn.Module,
    pairs: TokenizedPairs,
    indices: list[int],
    swap: list[bool],
    device: torch.device,
    label_smoothing: float,
) -> torch.Tensor:
    """Cross-entropy of the pairs at ``indices``, each in swapped order or not, added up."""
    batch = {name: tensor.to(device) for name, tensor in pad_batch(pairs, indices, swap).items()}
    labels = torch.from_numpy(pairs.labels[indices]).to(device)
    with autocast(model, device):
        logits = model(**batch).logits
    return F.cross_entropy(logits.float(), labels, reduction="sum", label_smoothing=label_smoothing)


def parts_of_batch(pairs: int, device: torch.device) -> list[slice]:
    """The parts that a batch is taken in, one after another."""
    at_once = MAX_PAIRS_AT_ONCE_ON_CPU if device.type == "cpu" else pairs
    return [slice(first, first + at_once) for first in range(0, pairs, at_once)]
