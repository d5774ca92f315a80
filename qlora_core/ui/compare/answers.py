"""What two models say of pairs. No model is loaded before one is asked, and importing this module imports no torch."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qlora_core.data.typed_pairs import Answer, BothOrders, Pair, check_pair, check_scale
from qlora_core.heavy_libraries import load_libraries
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.sides import Sides, check_run, second_choices
from qlora_core.ui.words import compare as words

if TYPE_CHECKING:
    from qlora_core.evaluation.predictor import Predictor

#: Pairs answered before somebody else's question is let in between.
PAIRS_AT_ONCE = 8


@dataclass(frozen=True)
class Comparison:
    """What two answerers say of some pairs."""

    sides: Sides
    first: list[BothOrders]
    second: list[BothOrders]
    truncated: list[bool]  #: of each pair, whether one of the two has not read its end
    notes: list[str]  #: what else has to be said of it


def reloaded(services: Services, run: Run) -> "Predictor":
    """A run's models, loaded the first time, for the calling thread.

    Half of the cores answer: training has the others, and threads that wait for each other on a busy core take several
    times as long as a single one.

    Raises:
        RunError, ModelError, HubError: it cannot be loaded.
    """
    load_libraries()
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # OpenMP counts by calling thread, so each says it
    return services.predictors.get(run)


def compare(
    services: Services, sides: Sides, pairs: list[Pair], progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Ask both; a run that has not been asked lately is loaded first, which takes seconds.

    Raises:
        RunError, ModelError, HubError: a run cannot be loaded.
        DataError: a sentence is empty or too long.
    """
    predictor = reloaded(services, sides.second)
    notes = _step_note(sides.second.id, predictor.step)
    second = answer_in_parts(predictor, pairs, sides.scale, progress)
    truncated = [answer.truncated for answer in second]
    if sides.first is None:
        first = [answer.base for answer in second]
    else:
        predictor = reloaded(services, sides.first)
        answers = answer_in_parts(predictor, pairs, 1.0, progress)
        first = [answer.adapter for answer in answers]
        truncated = [one or answer.truncated for one, answer in zip(truncated, answers, strict=True)]
        notes += _step_note(sides.first.id, predictor.step)
    return Comparison(sides, first, [answer.adapter for answer in second], truncated, notes)


def answer_in_parts(
    predictor: "Predictor", pairs: list[Pair], scale: float = 1.0, progress: Callable[[int, int], None] | None = None
) -> list[Answer]:
    """``predictor.answer`` a few pairs at a time, so that others who ask the same run need not wait for all of them.

    Raises:
        DataError: see ``Predictor.answer``.
    """
    answers: list[Answer] = []
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        answers += predictor.answer(pairs[start : start + PAIRS_AT_ONCE], scale)
        if progress is not None:
            progress(len(answers), len(pairs))
    return answers


def _step_note(run_id: str, step: int | None) -> list[str]:
    return [] if step is None else [words.not_finished(run_id, step)]


def compare_pair(services: Services, run_id: str, sentence1: str, sentence2: str, scale: float = 1.0) -> dict[str, Any]:
    """What a run's base model and its adapter say of one pair, in both orders, as JSON has it.

    Args:
        run_id: the run; "" is the newest finished one, else the recorded one.
        scale: how much of the adapter answers, see ``adapter.adapter_scaled``.

    Raises:
        RunError: there is no run of that name, or none at all.
        ModelError, HubError: it cannot be loaded.
        DataError: a sentence is empty or too long, or the scale is not between 0 and ``typed_pairs.MAX_SCALE``.
    """
    pair, scale = check_pair(sentence1, sentence2), check_scale(scale)
    run = check_run(services, run_id or next((known for _, known in second_choices(services)), ""))
    asked = compare(services, Sides(None, run, scale), [pair])
    return {
        "run": run.id,
        "scale": scale,
        "base": _json(asked.first[0]),
        "adapter": _json(asked.second[0]),
        "truncated": asked.truncated[0],
    }


def _json(answer: BothOrders) -> dict[str, Any]:
    return {
        order: {"label": "same" if probability > 0.5 else "different", "probability_same": probability}
        for order, probability in (("given", answer.given), ("swapped", answer.swapped))
    }
