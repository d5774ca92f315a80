"""One recipe over several seeds: how far its runs lie apart, and what they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import COMPARED
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import finetuned_values
from qlora_core.evaluation.several.answered import Answered, have_same_pairs, read_answers
from qlora_core.evaluation.several.crossed import Gain, gain_of, repeated_splits
from qlora_core.language import N_
from qlora_core.store.run import Run

TOO_FEW = N_("Runs of one seed alone say nothing of how far seeds lie apart. Two or more finished runs are needed.")


@dataclass(frozen=True)
class OneSeed:
    """One run among those of several seeds."""

    run_id: str
    seed: int
    values: Mapping[str, float | None]  #: of the fine-tuned model, by metric
    baselines: Mapping[str, float]  #: accuracy by baseline


@dataclass(frozen=True)
class Spread:
    """Several runs that differ in their seed alone."""

    runs: Sequence[OneSeed]
    means: Mapping[str, float]  #: by metric, of those that every run has
    deviations: Mapping[str, float]  #: standard deviations over the seeds (n - 1)
    gains: Mapping[str, Gain]  #: of accuracy, by baseline, the strongest first
    same_pairs: bool  #: whether all seeds were validated on the same pairs

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        gains = {name: {**asdict(gain), "outcome": gain.outcome.value} for name, gain in self.gains.items()}
        return {
            "runs": [asdict(run) for run in self.runs],
            "mean": dict(self.means),
            "sd": dict(self.deviations),
            "gains": gains,
            "same_pairs": self.same_pairs,
        }


def spread_of(runs: Sequence[Run]) -> Spread:
    """What two or more finished runs say that differ in their seed alone.

    Raises:
        RunError: there are fewer, or one has no result, or it is damaged.
    """
    if len(runs) < 2:
        raise RunError(TOO_FEW)
    answered = [read_answers(run) for run in runs]
    each = [
        OneSeed(
            run.id,
            run.config.seed,
            run.from_result(finetuned_values),
            {name: answers.accuracy(name) for name in COMPARED if name in answers.answers},
        )
        for run, answers in zip(runs, answered, strict=True)
    ]
    same_pairs = all(have_same_pairs(answered[0], other) for other in answered[1:])
    known = {name: [value for one in each if (value := one.values[name]) is not None] for name in METRICS}
    whole = {name: values for name, values in known.items() if len(values) == len(runs)}
    return Spread(
        each,
        {name: fmean(values) for name, values in whole.items()},
        {name: stdev(values) for name, values in whole.items()},
        _gains(runs, answered, same_pairs=same_pairs),
        same_pairs,
    )


def _gains(runs: Sequence[Run], answered: Sequence[Answered], *, same_pairs: bool) -> dict[str, Gain]:
    shared = [name for name in COMPARED if all(name in one.answers for one in answered)]
    strongest_first = sorted(shared, key=lambda name: -fmean(one.accuracy(name) for one in answered))
    if same_pairs:
        return {name: gain_of(np.array([_differences(one, name) for one in answered])) for name in strongest_first}
    train = round(fmean(_training_pairs(run) for run in runs))
    return {name: repeated_splits([_differences(one, name) for one in answered], train) for name in strongest_first}


def _differences(answered: Answered, baseline: str) -> np.ndarray:
    """Pair by pair, 1 where fine-tuning alone is right, -1 where the baseline alone is; shape (n,)."""
    return answered.right().astype(int) - answered.right(baseline)


def _training_pairs(run: Run) -> int:
    result = run.require_result()
    with run.explaining_damage():
        return int(result["dataset"]["train"])
