"""Why something cannot be used here, told to a visitor."""

import pytest

from qlora_core.server.findings import Obstacle, Unavailable
from qlora_core.ui.words.availability import why_not


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            Unavailable("bert-base-cased", Obstacle.OUT_OF_REACH, ("minilm",)),
            "bert-base-cased is not on this server, which cannot reach the Hugging Face hub to download it: "
            "choose minilm.",
        ),
        (
            Unavailable("mrpc", Obstacle.DAMAGED, ("pairs",)),
            "The files of mrpc on this server are incomplete or damaged: choose pairs.",
        ),
        (
            Unavailable("minilm", Obstacle.NOT_INSTALLED, ()),
            "minilm is missing from this installation: choose another, or ask whoever runs this server to install it.",
        ),
        (
            Unavailable("int8", Obstacle.CANNOT_COMPUTE, ("nf4", "fp4", "none")),
            "bitsandbytes cannot compute with int8 weights on this machine: choose nf4 or fp4 or none.",
        ),
        (
            Unavailable("int8", Obstacle.CANNOT_COMPUTE, ()),
            "bitsandbytes cannot compute with int8 weights on this machine: whoever runs this server has to look at "
            "its log.",
        ),
    ],
)
def test_every_obstacle_has_a_sentence_that_says_what_to_do(found: Unavailable, sentence: str) -> None:
    assert why_not(found) == sentence


def test_no_two_obstacles_have_the_same_sentence() -> None:
    assert len({why_not(Unavailable("x", obstacle, ("y",))) for obstacle in Obstacle}) == len(Obstacle)
