"""The endpoints about several runs, for ``ui.api``, which checks the types of what is sent."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from qlora_core.config import RunConfig
from qlora_core.evaluation.several import two_runs as against
from qlora_core.evaluation.several.claims import claim_of_two
from qlora_core.server.services import Services
from qlora_core.server.together import said_together, submit_together, with_other_seeds
from qlora_core.store.run import Run
from qlora_core.ui.events import address_of
from qlora_core.ui.results.several.vary import asked_grid


def several_endpoints(services: Services) -> tuple[Callable[..., dict[str, Any]], ...]:
    """Named as they are called."""

    def compare_runs(run_a: str, run_b: str) -> dict[str, Any]:
        """The second run against the first, pair by pair, where both were validated on the same pairs.

        Returns:
            both accuracies, each metric's gain with its paired 95 % interval, how many pairs were fixed and broken,
            McNemar's p, the outcome (better, worse or no_difference), the verdict in words, and the same by phenomenon.
        """
        two = against.compare_runs(services.run(run_a), services.run(run_b), services.asker.validation_pairs)
        return {**two.as_dict(), "verdict": claim_of_two(two)}

    def several_runs(run_id: str, settings: list[str] | None = None) -> dict[str, Any]:
        """A run with the others of this server that have its settings and other seeds: how far they have come, how far
        they lie apart, and what may be claimed.

        Args:
            settings: names of at most $max_settings settings in which the runs may differ too; then, which of them
                mattered.
        """
        return said_together(services, services.run(run_id), settings or [])

    def repeat_run(
        run_id: str, how_many: int = 2, secret: str = "", request: gr.Request | None = None
    ) -> dict[str, Any]:
        """Put a run into the queue again with other seeds, at most $max_together of them.

        Args:
            secret: as for start_run.

        Returns:
            run_ids, their seeds, and the secret.
        """
        configs = with_other_seeds(services, services.run(run_id), how_many)
        runs, secret = _submitted(services, configs, secret, request)
        return {"run_ids": [run.id for run in runs], "seeds": [run.config.seed for run in runs], "secret": secret}

    def grid_runs(
        run_id: str, grid: list[str], seeds: int = 1, secret: str = "", request: gr.Request | None = None
    ) -> dict[str, Any]:
        """Queue a run for each combination of some settings' values, all else as a run has it, at most $max_together.

        Args:
            grid: at most $max_settings settings with their values, as on the command line: ["learning_rate=1e-4,3e-4"].
            seeds: of each combination, at most $max_seeds: the run's own, then the lowest others.
            secret: as for start_run.

        Returns:
            run_ids, what each has in these settings and its seed (changes), how many more of the grid are on this
            server already (known), and the secret.
        """
        asked = asked_grid(services, services.run(run_id), grid, seeds)
        runs, secret = _submitted(services, asked.new, secret, request)
        changes = [run.config.model_dump(mode="json", include={*asked.settings, "seed"}) for run in runs]
        return {"run_ids": [run.id for run in runs], "changes": changes, "known": asked.known, "secret": secret}

    return compare_runs, several_runs, repeat_run, grid_runs


def _submitted(
    services: Services, configs: Sequence[RunConfig], secret: str, request: gr.Request | None
) -> tuple[list[Run], str]:
    """The runs that were put into the queue, and the secret by which they belong to somebody."""
    address = "" if secret else address_of(request)
    secret = secret or secrets.token_urlsafe(24)
    return submit_together(services, configs, secret, address), secret
