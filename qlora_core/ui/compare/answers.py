"""What two models say of pairs; they are asked in another process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qlora_core.data.typed_pairs import BothOrders, Pair, check_pair, check_scale
from qlora_core.server.answering.asker import Asker
from qlora_core.server.answering.questions import Answered
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.sides import Sides, run_or_newest
from qlora_core.ui.words import compare as words

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


def compare(
    services: Services, sides: Sides, pairs: list[Pair], progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Ask both; a run that has not been asked lately is loaded first, which takes seconds.

    Raises:
        RunError, ModelError, HubError: a run cannot be loaded.
        DataError: a sentence is empty or too long.
        RunFailure: the process that answers has ended, or takes too long.
    """
    second = answer_in_parts(services.asker, sides.second, pairs, sides.scale, progress)
    notes = _step_note(sides.second.id, second.step)
    truncated = [answer.truncated for answer in second.answers]
    if sides.first is None:
        first = [answer.base for answer in second.answers]
    else:
        other = answer_in_parts(services.asker, sides.first, pairs, 1.0, progress)
        first = [answer.adapter for answer in other.answers]
        truncated = [one or answer.truncated for one, answer in zip(truncated, other.answers, strict=True)]
        notes += _step_note(sides.first.id, other.step)
    return Comparison(sides, first, [answer.adapter for answer in second.answers], truncated, notes)


def answer_in_parts(
    asker: Asker, run: Run, pairs: list[Pair], scale: float = 1.0, progress: Callable[[int, int], None] | None = None
) -> Answered:
    """``asker.answer`` a few pairs at a time, so that others who ask the same run need not wait for all of them.

    Raises:
        QLoRAError: see ``Asker.answer``.
    """
    whole = Answered(step=None, answers=[])
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = asker.answer(run, pairs[start : start + PAIRS_AT_ONCE], scale)
        whole = Answered(step=part.step, answers=whole.answers + part.answers)
        if progress is not None:
            progress(len(whole.answers), len(pairs))
    return whole


def _step_note(run_id: str, step: int | None) -> list[str]:
    return [] if step is None else [words.not_finished(run_id, step)]


def compare_pair(services: Services, run_id: str, sentence1: str, sentence2: str, scale: float = 1.0) -> dict[str, Any]:
    """What a run's base model and its adapter say of one pair, in both orders, as JSON has it.

    Args:
        run_id: the run, see ``sides.run_or_newest``.
        scale: how much of the adapter answers, see ``adapter.adapter_scaled``.

    Raises:
        RunError: there is no run of that name, or none at all.
        ModelError, HubError: it cannot be loaded.
        DataError: a sentence is empty or too long, or the scale is not between 0 and ``typed_pairs.MAX_SCALE``.
    """
    pair, scale = check_pair(sentence1, sentence2), check_scale(scale)
    run = run_or_newest(services, run_id)
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
