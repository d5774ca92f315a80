"""Two models' answers to one pair, side by side, as the page shows them."""

from qlora_core.data.typed_pairs import BaseCheck, BothOrders
from qlora_core.language import gettext as _
from qlora_core.ui.compare.answers import Comparison
from qlora_core.ui.compare.sides import Sides
from qlora_core.ui.safe_text import plain
from qlora_core.ui.words import compare as words


def answer_markdown(asked: Comparison, check: BaseCheck | None = None) -> str:
    """The first pair of a comparison: what differs in a sentence, then both answers side by side.

    ``check`` says that the base model is one, where it was asked.

    Markdown with HTML in it, which the page sanitises; of visitors' text it holds the names of runs, escaped.
    """
    first, second = asked.first[0], asked.second[0]
    notes = list(asked.notes)
    if asked.truncated[0]:
        notes.append(words.too_long(asked.sides.second.config.max_length))
    cards = "".join(_card(name, answer) for name, answer in zip(asked.sides.names, (first, second), strict=True))
    return "\n\n".join(
        [
            f"## {verdict(asked.sides, first, second)}",
            f'<div class="pair-sides">{cards}</div>',
            " ".join([_(words.HOW_TO_READ), *map(plain, notes)]),
            *([_proof(check)] if check is not None else []),
        ]
    )


def verdict(sides: Sides, first: BothOrders, second: BothOrders) -> str:
    """Where the two differ, as one line of Markdown."""
    if sides.first is None:
        return words.adapter_against_base(first.given, second.given)
    return words.run_against_run([plain(name) for name in sides.names], first.given, second.given)


def _proof(check: BaseCheck) -> str:
    """In small print, whether the base model is the base model; its digests are unfolded."""
    weights = words.weights(plain(check.base_sha256), plain(check.adapter_sha256 or ""))
    return (
        f'<details class="pair-proof"><summary>{words.base_check(check.difference)}</summary>'
        f"{_(words.BASE_CHECK_HELP)} {weights}</details>"
    )


def _card(name: str, answer: BothOrders) -> str:
    orders = _meter(_(words.AS_GIVEN), answer.given) + _meter(_(words.SWAPPED), answer.swapped)
    return (
        f'<section class="pair-side"><h3>{plain(name)}</h3><div class="pair-orders">{orders}</div>'
        f'<p class="pair-order"><strong>{_(words.ORDER_MATTERS)}</strong> '
        f"{words.order_matters(answer.given, answer.swapped)}</p></section>"
    )


def _meter(order: str, probability: float) -> str:
    same = probability > 0.5
    fill = "pair-same" if same else "pair-different"
    return (
        f'<div><p class="pair-when">{order}</p><p class="pair-answer"><strong>{words.label(same)}</strong> '
        f'{words.number(probability)}</p><div class="pair-track">'
        f'<span class="pair-fill {fill}" style="width:{100 * probability:.1f}%"></span></div>'
        f'<p class="pair-ends"><span>{_(words.DIFFERENT)}</span><span>{_(words.SAME)}</span></p></div>'
    )
