"""What two models say of a pair, asked and put into words. Nothing here knows the page; no model is loaded before one
is asked, and importing this module imports no torch.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qlora_core.data.typed_pairs import BothOrders, Pair, check_pair, check_scale
from qlora_core.heavy_libraries import load_libraries
from qlora_core.server.services import Services
from qlora_core.store.runs import Run
from qlora_core.ui.compare.pair_table import answer_in_parts
from qlora_core.ui.compare.sides import Sides, check_run, second_choices
from qlora_core.ui.safe_text import plain

if TYPE_CHECKING:
    from qlora_core.evaluation.predictor import Predictor

#: Bytes of a page's address that both sentences may take: every request repeats it, and servers refuse long ones.
MOST_IN_ADDRESS = 4_000
LITTLE, MUCH = 0.02, 0.1  #: differences of a probability that are worth no word, and a strong one


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


def _step_note(run_id: str, step: int | None) -> list[str]:
    return [] if step is None else [f"Run {run_id[-4:]} is not finished: its weights of step {step} answered."]


def compare_pair(services: Services, run_id: str, sentence1: str, sentence2: str, scale: float = 1.0) -> dict[str, Any]:
    """What a run's base model and its adapter say of one pair, in both orders, as JSON has it.

    Args:
        run_id: the run; "" is the newest finished one, else the recorded one.
        scale: how much of the adapter answers, see ``adapter.adapter_scaled``.

    Raises:
        RunError: there is no run of that name, or none at all.
        ModelError, HubError: it cannot be loaded.
        DataError: a sentence is empty or too long, or the scale is not between 0 and ``questions.MAX_SCALE``.
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
        order: {"label": label(probability), "probability_same": probability}
        for order, probability in (("given", answer.given), ("swapped", answer.swapped))
    }


def label(probability: float) -> str:
    """The answer in a word, given the probability of "same"."""
    return "same" if probability > 0.5 else "different"


def number(probability: float) -> str:
    """A probability in two digits that never claims certainty."""
    if probability < 0.005:
        return "under 0.01"
    return "over 0.99" if probability > 0.995 else f"{probability:.2f}"


def verdict(sides: Sides, first: BothOrders, second: BothOrders) -> str:
    """Where the two differ, as one line of Markdown."""
    one, other = label(first.given), label(second.given)
    if sides.first is None:
        if one != other:
            return (
                f"The adapter changed its answer from **{one}** ({number(first.given)}) "
                f"to **{other}** ({number(second.given)})."
            )
        return f"The adapter keeps the answer **{one}**: {number(first.given)} before, {number(second.given)} with it."
    names = [plain(name) for name in sides.names]
    if one != other:
        return (
            f"They disagree: {names[0]} says **{one}** ({number(first.given)}), "
            f"{names[1]} **{other}** ({number(second.given)})."
        )
    return f"Both say **{one}**: {names[0]} with {number(first.given)}, {names[1]} with {number(second.given)}."


def order_words(answer: BothOrders) -> str:
    """Whether the order of the sentences matters to a model."""
    given, swapped = label(answer.given), label(answer.swapped)
    if given != swapped:
        return f"Yes: swapped, it says {swapped} ({number(answer.swapped)}), not {given} ({number(answer.given)})."
    difference = abs(answer.given - answer.swapped)
    degree = "No" if difference < LITTLE else "A little" if difference < MUCH else "Somewhat"
    before, after = number(answer.given), number(answer.swapped)
    return f"{degree}: swapped, it stays with {given} ({after if after == before else f'{after}, not {before}'})."


def answer_markdown(asked: Comparison) -> str:
    """The first pair of a comparison: what differs in a sentence, then both answers side by side.

    Markdown with HTML in it, which the page sanitises; of visitors' text it holds the names of runs, escaped.
    """
    first, second = asked.first[0], asked.second[0]
    notes = list(asked.notes)
    if asked.truncated[0]:
        length = asked.sides.second.config.max_length
        notes.append(f"The pair has more than {length} tokens; only its beginning was read.")
    cards = "".join(_card(name, answer) for name, answer in zip(asked.sides.names, (first, second), strict=True))
    return "\n\n".join(
        [
            f"## {verdict(asked.sides, first, second)}",
            f'<div class="pair-sides">{cards}</div>',
            " ".join(["The number is the probability of “same”; above 0.5 the answer is same.", *map(plain, notes)]),
        ]
    )


def _card(name: str, answer: BothOrders) -> str:
    orders = _meter("As given", answer.given) + _meter("Swapped", answer.swapped)
    return (
        f'<section class="pair-side"><h3>{plain(name)}</h3><div class="pair-orders">{orders}</div>'
        f'<p class="pair-order"><strong>Does the order matter to it?</strong> {order_words(answer)}</p></section>'
    )


def _meter(order: str, probability: float) -> str:
    answer = label(probability)
    return (
        f'<div><p class="pair-when">{order}</p><p class="pair-answer"><strong>{answer}</strong> {number(probability)}'
        f'</p><div class="pair-track"><span class="pair-fill pair-{answer}" style="width:{100 * probability:.1f}%">'
        '</span></div><p class="pair-ends"><span>different</span><span>same</span></p></div>'
    )


def address(sides: Sides, pair: Pair) -> dict[str, str]:
    """What the page's address says after a comparison; sentences that would make it too long are left out."""
    first = "" if sides.first is None else sides.first.id
    fits = sum(len(quote(sentence)) for sentence in pair) <= MOST_IN_ADDRESS
    a, b = pair if fits else ("", "")
    return {"run": sides.second.id, "first": first, "a": a, "b": b}
