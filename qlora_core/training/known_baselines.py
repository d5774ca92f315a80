"""Baselines that were measured before: by this run, before it was interrupted, or by another one with the same ones."""

import hashlib
import json
import time
from array import array
from collections.abc import Mapping

import numpy as np
import torch
from accelerate.utils import broadcast_object_list

from qlora_core.data.batching import TokenizedPairs
from qlora_core.models.heads import Baselines, read_answers, read_baselines, save_baselines
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.store.shared.baselines import Provenance
from qlora_core.training.passes import baseline_names
from qlora_core.training.setup import Setup


def baselines_key(setup: Setup) -> str:
    """A digest of all that baselines depend on, to their last digit: base model, scheme, pairs, seed and machine."""
    config, base = setup.config, setup.models.base
    parts = {
        "base_model": [base.sha256, (base.folder / "config.json").read_text(encoding="utf-8")],
        "quantization": [config.quantization, config.bnb_4bit_use_double_quant],
        "pairs": [_digest(setup.train), _digest(setup.validation)],
        "probe_pairs": _digest(setup.probe),
        "eval_batch_size": config.eval_batch_size,
        "seed": config.seed,
        "conditions": setup.conditions,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def find_baselines(run: Run, setup: Setup) -> Baselines | None:
    """Those that a run need not measure; afterwards they are in its own folder.

    A run that is asked to measure them again does, unless it has already. Of several processes the main one looks.

    Raises:
        StorageError: the run's folder cannot be written to.
    """
    found: list[Baselines | None] = [None]
    if setup.accelerator.is_main_process:
        found = [_find(run, setup)]
    if setup.accelerator.num_processes > 1:
        broadcast_object_list(found)
    return found[0]


def _find(run: Run, setup: Setup) -> Baselines | None:
    key, names, n = baselines_key(setup), baseline_names(run.config), len(setup.validation)
    own = read_baselines(run.heads_path, key, names, n)
    if own is not None or run.config.measure_baselines_again:
        return own
    path = RunStore(run.path.parent).baselines.find(run.config, key)
    kept = read_baselines(path, key, names, n) if path is not None else None
    if kept is not None:
        save_baselines(kept, run.heads_path)
    return kept


def answered_before(run: Run, setup: Setup) -> Mapping[str, np.ndarray]:
    """What this run had measured when it was broken off, by answerer; of several processes each has to find it."""
    return read_answers(run.heads_path, baselines_key(setup), len(setup.validation))


def keep_answers(run: Run, setup: Setup, answers: Mapping[str, np.ndarray]) -> None:
    """Write what this run has measured so far into its folder, in case that it is broken off.

    Raises:
        StorageError: the run's folder cannot be written to.
    """
    save_baselines(Baselines(baselines_key(setup), Provenance(run.id, time.time()), {}, answers), run.heads_path)


def record_baselines(
    run: Run, setup: Setup, heads: dict[str, torch.Tensor], logits: dict[str, np.ndarray], probe_pairs: int
) -> Provenance:
    """Write what this run has measured into its folder, and keep it for other runs.

    Args:
        logits: by answerer, each of shape (n, 2).
        probe_pairs: training pairs that the linear probe saw.

    Raises:
        StorageError: the run's folder cannot be written to.
    """
    key, provenance = baselines_key(setup), Provenance(run.id, time.time(), probe_pairs)
    measured: dict[str, np.ndarray] = {name: logits[name] for name in baseline_names(run.config)}
    save_baselines(Baselines(key, provenance, heads, measured), run.heads_path)
    RunStore(run.path.parent).baselines.keep(run.config, key, run.heads_path)
    return provenance


def _digest(pairs: TokenizedPairs) -> str:
    digest = hashlib.sha256(pairs.labels.tobytes())
    for ids, types in pairs.rows:
        digest.update(array("l", [len(ids), *ids, *types]).tobytes())
    return digest.hexdigest()
