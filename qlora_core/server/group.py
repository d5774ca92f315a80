"""How far runs have come that were asked for together, as whoever watches one of them is told."""

import hashlib
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from statistics import fmean
from typing import Any

from qlora_core.config import SETTINGS, RunConfig
from qlora_core.errors import RunError
from qlora_core.evaluation.several.claims import value_words
from qlora_core.server.services import Services
from qlora_core.store.feed import Feeds
from qlora_core.store.run import Run
from qlora_core.store.status import Status

Members = list[tuple[int, Run, Status]]  #: number, run and where it stands
KEPT = 256
MAX_SECONDS = 1e7  #: a longer time is damage


def group_of(services: Services, run_ids: Sequence[str]) -> dict[str, Any] | None:
    """The group of runs that a run's status names, with a ``tag`` that is another one once anything else is; None of
    one that was asked for alone, or whose companions were deleted."""
    members = _members(services, run_ids)
    if len(members) < 2:
        return None
    varied = _varied([one.config for _, one, _ in members])
    seconds = _seconds_left(services, members)
    told = {
        "count": len(run_ids),
        "settings": [name for name in varied if name != "seed"],
        "minutes_left": None if seconds is None else math.ceil(seconds / 60),
        "runs": [
            {"number": number, "run": one.id, "state": status.state, "changes": changes_words(one.config, varied)}
            for number, one, status in members
        ],
        "done": next((one.id for _, one, status in members if status.state == "finished"), ""),
    }
    return told | {"tag": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]}


def changes_words(config: RunConfig, settings: Sequence[str]) -> str:
    """What a run has in some settings, such as "Rank 4, Seed 0"."""
    return ", ".join(f"{SETTINGS[name].label} {value_words(getattr(config, name))}" for name in settings)


def _members(services: Services, run_ids: Sequence[str]) -> Members:
    found: Members = []
    for number, run_id in enumerate(run_ids, start=1):
        with suppress(RunError):  # it was deleted, or is damaged
            run = services.store.open(run_id)
            _ = run.config
            found.append((number, run, run.status))
    return found


def _varied(configs: Sequence[RunConfig]) -> list[str]:
    return [name for name in SETTINGS if len({getattr(config, name) for config in configs}) > 1]


def _seconds_left(services: Services, members: Members) -> float | None:
    """Seconds of work until all have ended; None where nobody knows: nothing was measured, and none has finished."""
    took = [_took(services.feeds, run.id, status.updated) for _, run, status in members if status.state == "finished"]
    left = 0.0
    for _, run, status in members:
        if status.is_going_on:
            expected = _expected(run) or (fmean(took) if took else None)
            if expected is None:
                return None
            left += max(1.0, expected - services.feeds.of(run.id).seconds_at_work() if status.is_live else expected)
    return left


@lru_cache(maxsize=KEPT)
def _took(feeds: Feeds, run_id: str, ended: float) -> float:
    """How long a run was at work that ended at that moment."""
    del ended
    return feeds.of(run_id).seconds_at_work()


def _expected(run: Run) -> float | None:
    """The middle of what was expected of a run before it started; None where that was not measured, or is damaged."""
    seconds = (run.estimate or {}).get("seconds")
    if not isinstance(seconds, list) or not seconds or not all(isinstance(end, int | float) for end in seconds):
        return None
    return fmean(seconds) if min(seconds) >= 0 and max(seconds) <= MAX_SECONDS else None
