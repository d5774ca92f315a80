"""Many settings: which of them mattered, and how much of what was found is noise."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean
from typing import Any

import numpy as np

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.several.answered import Answered, check_same_pairs, read_answers
from qlora_core.evaluation.several.crossed import Gain, gain_of, holm
from qlora_core.language import N_
from qlora_core.store.run import Run

NOTHING_TO_SEE = N_("All of these runs have the same value of what is looked at. Two values or more are needed.")
Cell = tuple[Any, ...]  #: a value of each setting that is looked at


@dataclass(frozen=True)
class OneRun:
    """One run among those of many settings."""

    run_id: str
    seed: int
    values: Cell
    accuracy: float


@dataclass(frozen=True)
class Effect:
    """What a setting's second value changes against its first, all else alike: a mean over the others' values."""

    setting: str
    first: Any
    second: Any
    gain: Gain
    p: float  #: corrected for all effects that are looked at (Holm 1979)
    blocks: int  #: combinations of the other settings that have both values

    @property
    def outcome(self) -> Outcome:
        """A difference only where the interval and the corrected test both exclude chance."""
        return self.gain.outcome if self.p < 0.05 else Outcome.NO_DIFFERENCE


@dataclass(frozen=True)
class Effects:
    """Runs that differ in a few settings, and perhaps in their seed."""

    settings: Sequence[str]
    runs: Sequence[OneRun]  #: the most accurate first
    effects: Sequence[Effect]
    seeds: int  #: that every combination has
    noise: float  #: standard deviation of a run's accuracy by luck: over seeds, or of one seed over the pairs

    @property
    def flattery(self) -> float:
        """By how much the best of these runs would be expected to lie above the others' mean, if all were alike.

        The largest of n normal values, on average (Blom 1958, Statistical Estimates and Transformed Beta-Variables).
        """
        from scipy.special import ndtri

        n = len(self.runs)
        return self.noise * float(ndtri((n - 0.375) / (n + 0.25)))

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        effects = [
            {**asdict(effect), "gain": asdict(effect.gain), "outcome": effect.outcome.value} for effect in self.effects
        ]
        runs = [{**asdict(run), "values": dict(zip(self.settings, run.values, strict=True))} for run in self.runs]
        return {
            "settings": list(self.settings),
            "runs": runs,
            "effects": effects,
            "seeds": self.seeds,
            "noise": self.noise,
            "flattery": self.flattery,
        }


def effects_of(runs: Sequence[Run], settings: Sequence[str]) -> Effects:
    """What two or more finished runs say that differ in ``settings`` and perhaps in their seed.

    Raises:
        DifferentPairs: they were validated on different pairs.
        RunError: they do not differ, or one has no result, or it is damaged.
    """
    grid = _Grid(runs, settings)
    found = list(grid.effects())
    if not found:
        raise RunError(NOTHING_TO_SEE)
    corrected = holm([effect.gain.p for effect in found])
    ranked = sorted(grid.each, key=lambda one: -one.accuracy)
    effects = [Effect(**{**vars(effect), "p": p}) for effect, p in zip(found, corrected, strict=True)]
    return Effects(settings, ranked, effects, len(grid.shared_seeds), grid.noise())


class _Grid:
    """Answers by combination of settings and seed."""

    def __init__(self, runs: Sequence[Run], settings: Sequence[str]) -> None:
        self.settings = settings
        self.answered = [read_answers(run) for run in runs]
        check_same_pairs(self.answered)
        configs = [run.config for run in runs]
        self.by_cell: dict[Cell, dict[int, Answered]] = {}
        self.each = []
        for config, answers in zip(configs, self.answered, strict=True):
            cell = cell_of(config, settings)
            self.by_cell.setdefault(cell, {})[config.seed] = answers
            self.each.append(OneRun(answers.run_id, config.seed, cell, answers.accuracy()))
        seeds = [set(by_seed) for by_seed in self.by_cell.values()]
        self.shared_seeds = sorted(set.intersection(*seeds))

    def effects(self) -> Iterator[Effect]:
        """One for each two values of a setting, not yet corrected."""
        for place, name in enumerate(self.settings):
            values = in_order({cell[place] for cell in self.by_cell})
            for first, second in combinations(values, 2):
                found = self._differences(place, first, second)
                if found is not None:
                    gain = gain_of(found[0])
                    yield Effect(name, first, second, gain, gain.p, found[1])

    def _differences(self, place: int, first: Any, second: Any) -> tuple[np.ndarray, int] | None:
        """Pair by pair, the mean difference over all combinations that have both values with the same seeds.

        Shape (seeds, pairs), and how many combinations these are; None where there is none.
        """
        blocks = []
        for cell, by_seed in self.by_cell.items():
            twin = self.by_cell.get((*cell[:place], second, *cell[place + 1 :]))
            if cell[place] == first and twin is not None and by_seed.keys() & twin.keys():
                blocks.append((by_seed, twin))
        if not blocks:
            return None
        seeds = sorted(set.intersection(*({*one} & {*other} for one, other in blocks)))
        if not seeds:  # each block has seeds of its own: the first is looked at alone
            blocks = blocks[:1]
            seeds = sorted({*blocks[0][0]} & {*blocks[0][1]})
        rows = [
            np.mean([other[seed].right().astype(int) - one[seed].right() for one, other in blocks], axis=0)
            for seed in seeds
        ]
        return np.array(rows), len(blocks)

    def noise(self) -> float:
        """Over seeds, pooled over the combinations; where each has one, what pairs alone make of two runs that agree as
        far as these do, on average."""
        several = [
            [answers.accuracy() for answers in by_seed.values()]
            for by_seed in self.by_cell.values()
            if len(by_seed) > 1
        ]
        if several:
            squares = sum(float(np.var(one)) * len(one) for one in several)
            return sqrt(squares / sum(len(one) - 1 for one in several))
        n = len(self.answered[0].labels)
        pairs = combinations(self.answered, 2)
        return sqrt(fmean(float(np.var(one.right().astype(int) - two.right())) for one, two in pairs) / (2 * n))


def cell_of(config: RunConfig, settings: Sequence[str]) -> Cell:
    """A configuration's values of some settings."""
    return tuple(getattr(config, name) for name in settings)


def in_order(values: set[Any]) -> list[Any]:
    """Nothing before everything, numbers by size, all else by its words."""
    return sorted(values, key=_place)


def _place(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 0, 0, ""
    return (1, value, "") if isinstance(value, int | float) else (2, 0, str(value))
