"""The reloaded runs of a page: the few that were asked last, each loaded once for everybody who asks it."""

import gc
import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from qlora_core.errors import DAMAGE, MemoryExhausted, QLoRAError, RunError, is_out_of_memory
from qlora_core.evaluation.predictor import Predictor
from qlora_core.language import N_
from qlora_core.store.directory import WeightsVersion
from qlora_core.store.run import Run

log = logging.getLogger(__name__)

CAPACITY = 3

#: A run's folder, and which of its weights: a newer checkpoint is another key.
Key = tuple[Path, WeightsVersion]


class Predictors:
    """At most ``capacity`` reloaded runs; the one that was asked longest ago gives way."""

    def __init__(self, capacity: int = CAPACITY, load: Callable[[Run], Predictor] | None = None) -> None:
        self.capacity = capacity
        self._load = load or load_predictor
        self._kept: OrderedDict[Key, Predictor] = OrderedDict()
        self._lock = Lock()  # held for a moment, for what is kept
        # Held while a run is loaded. One for all: transformers' verbosity and torch's seed belong to the whole process,
        # and two models being loaded at once would need the memory of both.
        self._loading = Lock()

    def get(self, run: Run) -> Predictor:
        """The run's saved adapter, or the newest weights of one that is still training or paused.

        Raises:
            RunError: the run has saved neither an adapter nor a checkpoint yet, they are damaged, or it was deleted.
            ModelError, HubError: its base model is not to be had on this machine.
            MemoryExhausted: the model does not fit into memory.
        """
        if (kept := self._find(_key(run))) is not None:
            return kept
        with self._loading:
            key = _key(run)
            if (kept := self._find(key)) is not None:  # somebody else was faster
                return kept
            self.drop(run)  # an older checkpoint of it
            predictor = self._loaded(run)
            self._keep(key, run, predictor)
        return predictor

    def _loaded(self, run: Run) -> Predictor:
        try:
            return self._load(run)
        except (QLoRAError, MemoryError, *DAMAGE) as error:
            if not run.exists:  # whatever is said of its files
                raise RunError(N_("Run {run} was deleted while it was being loaded."), run=run.id) from error
            if isinstance(error, QLoRAError):
                raise
            if is_out_of_memory(error):
                raise MemoryExhausted(
                    N_("There is not enough memory to load this run now. Try again later.")
                ) from error
            log.warning("Run %s could not be loaded.", run.id, exc_info=True)
            raise RunError(
                N_("The adapter of run {run} is damaged and cannot be loaded. Train it again."), run=run.id
            ) from error

    def drop(self, run: Run) -> None:
        """Let go of a run, because it is being deleted."""
        with self._lock:
            gone = [self._kept.pop(key) for key in list(self._kept) if key[0] == run.path]
        _free(gone)

    def __len__(self) -> int:
        return len(self._kept)

    def _find(self, key: Key) -> Predictor | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, run: Run, predictor: Predictor) -> None:
        with self._lock:
            if run.exists:  # not deleted meanwhile
                self._kept[key] = predictor
            gone = [self._kept.popitem(last=False)[1] for _ in range(len(self._kept) - self.capacity)]
        _free(gone)


def load_predictor(run: Run) -> Predictor:
    """A run's saved adapter, or its newest checkpoint where it has saved none yet.

    Raises:
        RunError, ModelError, HubError: see ``Predictors.get``.
    """
    return Predictor(run) if run.has_adapter else Predictor.from_checkpoint(run)


def _key(run: Run) -> Key:
    version = run.weights_version()
    if version is None and run.has_result:
        raise RunError(N_("The adapter of run {run} is missing. Put its folder back, or train again."), run=run.id)
    if version is None:
        raise RunError(
            N_("Run {run} has nothing to ask yet. It saves weights at its first evaluation or pause; wait for it."),
            run=run.id,
        )
    return run.path, version


def _free(gone: list[Predictor]) -> None:
    """Give their memory back at once: a model is full of references in circles, which wait for the collector."""
    if gone:
        gone.clear()
        gc.collect()
