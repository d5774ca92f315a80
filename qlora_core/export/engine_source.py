"""The engine's own functions and constants, as Python to be put into a notebook's cells.

A function that is listed here uses only what a notebook has: its arguments, the libraries, and what else is listed. So
do its annotations, which Python evaluates where the function is defined.
"""

import inspect
from collections.abc import Callable
from types import ModuleType

from qlora_core.data import batching, splits
from qlora_core.data.bundles import shared_sentence_bundles
from qlora_core.evaluation import metrics
from qlora_core.evaluation.best_epoch import best_epoch
from qlora_core.models import adapter, inference, quantization
from qlora_core.models.fast_cpu import first_token
from qlora_core.training import baselines
from qlora_core.training.loop import easy_pairs, loss, schedule

FUNCTIONS: tuple[Callable[..., object], ...] = (
    splits.split_pairs,
    splits.limit_pairs,
    splits.fingerprint,
    shared_sentence_bundles,
    batching.TokenizedPairs,
    batching.encode,
    batching.token_rows,
    batching.are_truncated,
    batching.tokenize,
    batching.padded,
    batching.pad_batch,
    batching.epoch_batches,
    batching.evaluation_batches,
    easy_pairs.easy_pairs,
    easy_pairs.recombined,
    quantization.guard_cpu_training,
    quantization.initialise_head,
    quantization.quantized_modules,
    inference.autocast,
    inference.answer_batches,
    inference.classify,
    inference.in_order,
    metrics.predicted_labels,
    metrics.confusion_counts,
    metrics.shifted,
    metrics.majority_logits,
    baselines.draw_probe_pairs,
    baselines.probe_head,
    baselines.classifier_set_to,
    adapter.set_encoder_dropout,
    adapter.trainable_state,
    adapter.saved_name,
    adapter.start_from,
    adapter.renew_classifier,
    adapter.copy_state,
    first_token.FirstTokenLayer,
    first_token.train_on_first_token,
    schedule.learning_rate_at,
    schedule.dropout_seed,
    schedule.draw_swaps,
    schedule.evaluation_steps,
    loss.summed_loss,
    loss.parts_of_batch,
    best_epoch,
)
CONSTANTS: tuple[tuple[ModuleType, str], ...] = (
    (splits, "SPLIT_PARTS"),
    (batching, "PAD_TO_MULTIPLE_OF"),
    (batching, "BATCHES_PER_CHUNK"),
    (easy_pairs, "EASY_PAIRS_WEIGHT"),
    (baselines, "PENALTIES"),
    (baselines, "FOLDS"),
    (baselines, "MIN_PROBE_PAIRS_OF_A_LABEL"),
    (loss, "MAX_PAIRS_AT_ONCE_ON_CPU"),
)


class Verbatim(str):
    """Text that a template writes as it is, where every other value becomes a Python literal."""


def engine(*names: str) -> Verbatim:
    """The engine's code of these names, one after another, as it stands in a cell above other code."""
    known = {function.__name__: function for function in FUNCTIONS}
    constants = {name: module for module, name in CONSTANTS}
    parts = [_assignment(constants[name], name) if name in constants else source_of(known[name]) for name in names]
    return Verbatim("\n\n\n".join([*parts, ""]))


def source_of(function: Callable[..., object]) -> Verbatim:
    """A function or class with its docstring and comments."""
    return Verbatim(inspect.getsource(function).strip())


def _assignment(module: ModuleType, name: str) -> str:
    """A constant's value as a literal, below the comment that explains it."""
    lines = inspect.getsource(module).splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
    first = place
    while lines[first - 1].startswith("#:"):
        first -= 1
    comment = [line.replace("#:", "#", 1) for line in lines[first:place]]
    return "\n".join([*comment, f"{name} = {getattr(module, name)!r}"])
