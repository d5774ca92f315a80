"""Run a model over tokenised pairs, batch by batch, shared between processes."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import gather_object
from torch import nn

from qlora_core.data.batching import TokenizedPairs, evaluation_batches, pad_batch

Progress = Callable[[int, int], None]
Processes: TypeAlias = Accelerator | PartialState  #: what knows which of how many processes this is, and its device


def predict_logits(
    model: nn.Module,
    pairs: TokenizedPairs,
    accelerator: Processes,
    batch_size: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """Logits of shape (n, 2), float32, in the order of ``pairs``; column 1 is "paraphrase".

    Several processes share the batches; each of them returns all n rows. The model is left in the mode it was in.
    """
    return _predict(model, pairs, accelerator, batch_size, progress, lambda output: output.logits)


def pooled_features(
    encoder: nn.Module,
    pairs: TokenizedPairs,
    accelerator: Processes,
    batch_size: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """What a classifier on top of ``encoder`` sees: the pooler's output, shape (n, hidden_size), float32."""
    return _predict(encoder, pairs, accelerator, batch_size, progress, lambda output: output.pooler_output)


def autocast(model: nn.Module, device: torch.device) -> torch.autocast:
    """Compute in the number type that the model's embeddings are held in, whatever type its trained layers have.

    The type is read off the model, not off accelerate, whose one for all of a process belongs to the run opened last.
    """
    dtype = next(model.parameters()).dtype
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def _predict(
    model: nn.Module,
    pairs: TokenizedPairs,
    accelerator: Processes,
    batch_size: int,
    progress: Progress | None,
    select: Callable[..., torch.Tensor],
) -> np.ndarray:
    was_training = model.training
    model.eval()
    rows: list[tuple[int, np.ndarray]] = []
    batches = list(evaluation_batches(pairs, batch_size))
    done = 0
    with torch.inference_mode(), autocast(model, accelerator.device):
        for number, indices in enumerate(batches):
            done += len(indices)
            if number % accelerator.num_processes != accelerator.process_index:
                continue
            batch = {name: tensor.to(accelerator.device) for name, tensor in pad_batch(pairs, indices).items()}
            output = select(model(**batch)).float().cpu().numpy()
            rows += zip(indices, output, strict=True)
            if progress is not None:
                progress(done, len(pairs))
    model.train(was_training)
    if accelerator.num_processes > 1:
        rows = gather_object(rows)
    rows.sort(key=lambda row: row[0])
    return np.stack([output for _, output in rows])
