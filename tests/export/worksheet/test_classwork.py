"""What a class guessed and judged on its worksheet: numbers and sentences, nobody's own, and no more than is known."""

import pytest

from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess
from qlora_core.evaluation.flips import Sentences, ValidationPairs, read_validation_pairs
from qlora_core.export.worksheet.classwork import MAX_DISAGREEMENTS
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.export.worksheet.made import Elements, copied, sheet, words
from tests.judging import judge_ten

EVIL = "<script>hacked=1</script><img src=x onerror=hacked=1>"


@pytest.fixture
def run(store: RunStore) -> Run:
    """A finished one."""
    return copied(store)


def judged_by(run: Run, store: RunStore, judges: int) -> None:
    """So many answer their ten pairs: the first one always "same", the others "different"."""
    book, pairs = Classroom(store).judgements(run), read_validation_pairs(run.config).sentences
    for number in range(judges):
        judge_ten(book, pairs, f"secret {number}", [number == 0] * 10)


def test_guesses_stand_beside_the_outcome(run: Run, store: RunStore) -> None:
    book = Classroom(store).guesses(run)
    for number, after in enumerate((0.6, 0.8, 0.9)):
        book.put(f"secret {number}", Guess(before=0.5, after=after, between=(0.5, 0.6, 0.6) if number == 1 else None))
    page = sheet(run, store)
    text, came_to = words(page), run.require_result()["metrics"]["finetuned"]["accuracy"]
    assert "3 guesses were written down. Median: 0.50 before and 0.80 after." in text
    assert f"It came to {came_to:.3f}; the closest guess was off by {min(abs(came_to - 0.6), 1):.3f}" in text
    assert "0.50 → 0.60; 0.50 → 0.80; 0.50 → 0.90" in text
    assert (page.count('class="dot"'), page.count('class="outcome"'), page.count('class="median"')) == (6, 2, 2)
    assert page.count('class="guess"') == 1
    assert "I expect" not in text
    assert "secret" not in text


def test_where_nobody_has_guessed_or_judged_there_are_lines_for_it(run: Run, store: RunStore) -> None:
    text = words(sheet(run, store))
    assert "Before training I expect an accuracy of" in text
    assert "Answer ten of the validation pairs yourself" in text


def test_the_room_stands_among_the_models_with_its_agreement_and_disagreements(run: Run, store: RunStore) -> None:
    judged_by(run, store, 6)
    page = sheet(run, store, read_validation_pairs)
    text = words(page)
    assert "6 people have judged. Judgements: 60" in text
    assert "This room: 0." in text
    assert "one person of this room, on average" in text
    assert "Fleiss' kappa" in text
    assert page.count("Said same: 1") == MAX_DISAGREEMENTS
    assert f"labels and models' answers from the predictions of run {run.id}, seed 0" in text
    assert "Fine-tuned, judged pairs" in text
    assert "Answer ten of" not in text


def test_few_judges_are_said_to_be_too_few_and_nothing_is_computed(run: Run, store: RunStore) -> None:
    judged_by(run, store, 2)
    text = words(sheet(run, store, read_validation_pairs))
    assert "2 people have judged. Judgements: 20" in text
    assert "too few to speak of a room: it takes 30 judgements by 3 people." in text
    assert "This room:" not in text
    assert "Answer ten of" in text


def test_pairs_whose_sentences_are_hostile_are_shown_as_text_with_an_end(run: Run, store: RunStore) -> None:
    judged_by(run, store, 4)
    pairs = [Sentences(EVIL * 1000, EVIL, EVIL) for _pair in read_validation_pairs(run.config).sentences]
    page = sheet(run, store, lambda _config: ValidationPairs("all", pairs))
    assert EVIL in Elements(page).text
    assert "<script" not in page
    assert "<img" not in page
    assert len(page) < 120_000


def test_without_the_sentences_a_pair_has_its_number(run: Run, store: RunStore) -> None:
    judged_by(run, store, 4)
    text = words(sheet(run, store, lambda _config: ValidationPairs("all", [])))
    assert "Validation pair " in text
    assert "Fine-tuned, judged pairs" not in text
