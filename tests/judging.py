"""Somebody who judges all ten pairs."""

from collections.abc import Callable, Sequence

from qlora_core.classroom.judgements import JudgementBook, Label
from qlora_core.evaluation.flips import Sentences


def judge_ten(book: JudgementBook, pairs: Sequence[Sentences], secret: str, answer: Callable[[int], Label]) -> None:
    """Have the browser with that secret answer its ten pairs; ``answer`` is told a pair's number."""
    judge = book.begin(secret, pairs)
    while judge.next is not None:
        judge = book.answer(secret, judge.next, answer(judge.next))
