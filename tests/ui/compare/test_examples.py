"""The examples that a visitor may start from."""

from qlora_core.data.phenomena import PHENOMENA
from qlora_core.ui.compare.examples import examples


def test_every_example_shows_another_phenomenon() -> None:
    shown = [*examples(1), *examples(0)]
    assert len({example.phenomenon for example in shown}) == len(shown) == 16
    assert all(PHENOMENA[example.phenomenon].label == example.label for example in shown)
    assert {example.label for example in examples(0)} == {0}
    assert examples(0)[0].note.endswith("Its label is **different**.")
