"""Run a model over tokenised pairs, batch by batch, shared between processes."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import gather_object

from qlora_core.data.batching import TokenizedPairs, evaluation_batches, pad_batch

Progress = Callable[[int, int], None]
Processes: TypeAlias = Accelerator | PartialState  #: what knows which of how many processes this is, and its device


def predict_logits(
    model: torch.nn.Module,
    pairs: TokenizedPairs,
    accelerator: Processes,
    batch_size: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """Logits of shape (n, 2), float32, in the order of ``pairs``; column 1 is "paraphrase".

    Several processes share the batches; each of them returns all n rows. The model is left in the mode it was in.
    """
    return _predict(model, pairs, accelerator, batch_size, progress, "logits")


def pooled_features(
    encoder: torch.nn.Module,
    pairs: TokenizedPairs,
    accelerator: Processes,
    batch_size: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """What a classifier on top of ``encoder`` sees: the pooler's output, shape (n, hidden_size), float32."""
    return _predict(encoder, pairs, accelerator, batch_size, progress, "pooler_output")


def autocast(model: torch.nn.Module, device: torch.device) -> torch.autocast:
    """Compute in the number type that the model's embeddings are held in, whatever type its trained layers have."""
    # read off the model, not off accelerate, whose one for all of a process belongs to the run opened last
    dtype = next(model.parameters()).dtype
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def answer_batches(
    model: torch.nn.Module, pairs: TokenizedPairs, batches: list[list[int]], device: torch.device, output: str
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Each batch and, one row a pair, an output of the model for it: "logits" or "pooler_output", as float32."""
    model.eval()
    for indices in batches:
        batch = {name: tensor.to(device) for name, tensor in pad_batch(pairs, indices).items()}
        with torch.inference_mode(), autocast(model, device):
            answers = model(**batch)[output]
        yield indices, answers.float().cpu().numpy()


def classify(
    model: torch.nn.Module, features: np.ndarray, batches: list[list[int]], device: torch.device
) -> np.ndarray:
    """What the model's classifier makes of pooled features that its encoder gave for these batches: logits (n, 2).

    They are the model's own to the last bit, as long as the batches are the same.
    """
    model.eval()
    answered = []
    for indices in batches:
        with torch.inference_mode(), autocast(model, device):
            answers = model.get_submodule("classifier")(torch.from_numpy(features[indices]).to(device))
        answered.append((indices, answers.float().cpu().numpy()))
    return in_order(answered)


def in_order(answered: Iterable[tuple[list[int], np.ndarray]]) -> np.ndarray:
    """The rows of all batches together, in the order of the pairs."""
    by_index = {index: row for indices, rows in answered for index, row in zip(indices, rows, strict=True)}
    return np.stack([by_index[index] for index in sorted(by_index)])


def _predict(
    model: torch.nn.Module,
    pairs: TokenizedPairs,
    accelerator: Processes,
    batch_size: int,
    progress: Progress | None,
    output: str,
) -> np.ndarray:
    was_training = model.training
    batches = evaluation_batches(pairs, batch_size)
    shared_by = accelerator.num_processes
    mine = batches[accelerator.process_index :: shared_by]
    answered = []
    for number, answers in enumerate(answer_batches(model, pairs, mine, accelerator.device, output)):
        answered.append(answers)
        if progress is not None:
            done = number * shared_by + accelerator.process_index + 1  # batches, if the others are as far
            progress(min(done * batch_size, len(pairs)), len(pairs))
    model.train(was_training)
    return in_order(gather_object(answered) if shared_by > 1 else answered)
