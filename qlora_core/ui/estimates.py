"""What is known of a run before it starts: parameters at once, time and memory where they were measured."""

from functools import cache
from threading import Lock
from typing import Any

from qlora_core.catalog import BaseModel, find_base_model
from qlora_core.config import RunConfig
from qlora_core.errors import HubError, ModelError
from qlora_core.estimate import ParameterCounts, parameter_counts, run_calibration

MOST_KEPT = 200
CALIBRATION_SECONDS = 300.0


class Estimates:
    """Measurements made on this machine since the server started, by configuration."""

    def __init__(self) -> None:
        self._measured: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def counts(self, config: RunConfig) -> ParameterCounts | None:
        """Parameters and bytes; None where the base model is not on this machine yet."""
        try:
            return parameter_counts(config, _base_model(config.base_model).folder)
        except (ModelError, HubError):
            return None

    def known(self, config: RunConfig) -> dict[str, Any] | None:
        """The measurement for exactly this configuration, if one was made."""
        return self._measured.get(_key(config))

    def measure(self, config: RunConfig) -> dict[str, Any]:
        """Measure a few batches in a process of its own, one at a time; about 20 seconds.

        Raises:
            QLoRAError: the configuration cannot be carried out here.
        """
        with self._lock:
            known = self.known(config)
            if known is None:
                known = run_calibration(config, timeout=CALIBRATION_SECONDS)
                while len(self._measured) >= MOST_KEPT:
                    del self._measured[next(iter(self._measured))]
                self._measured[_key(config)] = known
            return known


def _key(config: RunConfig) -> str:
    """What time and memory depend on: everything but the seed."""
    return config.model_copy(update={"seed": 0}).model_dump_json()


@cache
def _base_model(name: str) -> BaseModel:
    return find_base_model(name, download=False)
