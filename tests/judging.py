"""Somebody who judges all ten pairs."""

from collections.abc import Sequence

from qlora_core.classroom.judgements import JudgementBook
from qlora_core.evaluation.flips import Sentences


def judge_ten(book: JudgementBook, pairs: Sequence[Sentences], secret: str, same: Sequence[bool]) -> None:
    """Have the browser with that secret answer the pairs it is given, one after the other, by ``same``."""
    judge = book.begin(secret, pairs)
    for is_same in same:
        assert judge.next is not None
        judge = book.answer(secret, judge.next, 1 if is_same else 0)
    assert judge.next is None
