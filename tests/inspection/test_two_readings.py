"""One pair read by base and adapted model."""

import numpy as np

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.two_readings import MAX_TOKENS, two_readings

FIRST, SECOND = "the ferry opened early", "the ferry closed early"


def test_both_start_from_the_same_embeddings_and_part_above_the_first_layer(inspected: Predictor) -> None:
    answers = inspected.answer([(FIRST, SECOND)])
    found = two_readings(inspected, FIRST, SECOND)
    apart = np.array(found.apart)
    assert apart.shape == (3, len(found.tokens))
    assert np.allclose(apart[0], 0, atol=1e-6)
    assert apart[1:].max() > 1e-4
    assert found.tokens[0] == "[CLS]"
    assert found.sentences[0] is None
    assert set(found.sentences) == {None, 1, 2}
    assert not found.truncated
    assert inspected.answer([(FIRST, SECOND)]) == answers, "the way attention is computed is put back"


def test_attention_is_a_share_of_what_each_token_looks_at(inspected: Predictor) -> None:
    found = two_readings(inspected, FIRST, SECOND)
    for attention in (np.array(found.base), np.array(found.adapted)):
        assert attention.shape == (2, len(found.tokens), len(found.tokens))
        assert np.allclose(attention.sum(axis=-1), 1, atol=1e-3)
    assert not np.allclose(found.base, found.adapted, atol=1e-4)


def test_a_long_pair_is_cut(inspected: Predictor) -> None:
    found = two_readings(inspected, "ferry " * 200, "early")
    assert len(found.tokens) == MAX_TOKENS
    assert found.truncated
