"""Word pieces and their shares of an answer: they add up, point the right way, and leave the model alone."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from qlora_core.config import RunConfig
from qlora_core.data.typed_pairs import BothOrders
from qlora_core.errors import DataError
from qlora_core.evaluation.attribution import attribute
from qlora_core.evaluation.predictor import Predictor
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from tests.conftest import SUBJECTS, ignore
from tests.evaluation.test_predictor import copy_with, state, switches

FIRST, SECOND = "the ferry opened early", "the ferry closed early"


@pytest.fixture(scope="module")
def decided_run(tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on pairs of which one word decides: "opened" in sentence 2 means the same, "closed" does not.

    In float32: so small a model with such large weights is very sensitive to bfloat16's rounding.
    """
    folder = tmp_path_factory.mktemp("decided")
    rows = [
        {
            "sentence1": f"{SUBJECTS[number % 6]} was early",
            "sentence2": f"{SUBJECTS[number % 6]} {('closed', 'opened')[number // 6 % 2]} early",
            "label": number // 6 % 2,
        }
        for number in range(144)
    ]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    settings = {"num_train_epochs": 8, "train_batch_size": 8, "bnb_4bit_compute_dtype": "float32"}
    config = tiny_config(dataset=str(folder / "pairs.jsonl"), **settings)
    return start_run(config, RunStore(folder / "runs"), ignore)


@pytest.fixture(scope="module")
def predictor(decided_run: Run) -> Predictor:
    return Predictor(decided_run)


def test_the_word_that_decides_makes_the_difference(predictor: Predictor) -> None:
    at_that_word = 0
    for subject in SUBJECTS:
        opened, closed = (
            attribute(predictor, f"{subject} was early", f"{subject} {verb} early") for verb in ("opened", "closed")
        )
        assert opened.adapter.log_odds > 0 > closed.adapter.log_odds
        difference = np.subtract(opened.adapter.scores, closed.adapter.scores)
        position = opened.tokens.index("opened")
        assert difference[position] > 0
        at_that_word += int(np.argmax(difference) == position)
    assert at_that_word >= len(SUBJECTS) - 1


def test_tokens_scores_and_sentences_belong_together(predictor: Predictor) -> None:
    found = attribute(predictor, FIRST, SECOND)
    assert found.tokens == ["[CLS]", *FIRST.split(), "[SEP]", *SECOND.split(), "[SEP]"]
    assert found.sentences == [None, 1, 1, 1, 1, None, 2, 2, 2, 2, None]
    for answerer in (found.base, found.adapter):
        assert len(answerer.scores) == len(found.tokens)
        assert [answerer.scores[index] for index in (0, 5, 10)] == [0, 0, 0]
    assert found.base.scores != found.adapter.scores
    assert not found.truncated


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({"bnb_4bit_compute_dtype": "float32"}, 0.002),
        ({"bnb_4bit_compute_dtype": "bfloat16"}, 0.2),
        ({"bnb_4bit_compute_dtype": "float32", "quantization": "fp4"}, 0.002),
        ({"bnb_4bit_compute_dtype": "float32", "quantization": "int8"}, 0.1),
        ({"bnb_4bit_compute_dtype": "float32", "quantization": "none"}, 0.002),
        ({"bnb_4bit_compute_dtype": "bfloat16", "quantization": "none"}, 0.2),
    ],
)
def test_scores_add_up_to_how_far_the_pair_is_from_the_baseline(
    changes: dict[str, str], share: float, decided_run: Run, tmp_path: Path
) -> None:
    predictor = Predictor(copy_with(decided_run, tmp_path, **changes))
    both = [attribute(predictor, FIRST, second, n_steps=300) for second in (FIRST, SECOND)]
    found = max(both, key=lambda each: abs(each.adapter.log_odds - each.adapter.baseline_log_odds))
    difference = found.adapter.log_odds - found.adapter.baseline_log_odds
    assert abs(difference) > 5
    assert sum(found.adapter.scores) == pytest.approx(difference, rel=share)
    assert found.adapter.delta == pytest.approx(sum(found.adapter.scores) - difference, abs=1e-9)
    base = found.base
    assert abs(sum(base.scores) - (base.log_odds - base.baseline_log_odds)) < 0.1


def test_more_steps_make_the_error_smaller(predictor: Predictor) -> None:
    deltas = [abs(attribute(predictor, FIRST, FIRST, n_steps=count).adapter.delta) for count in (3, 300)]
    assert deltas[1] < deltas[0] / 10


def test_what_is_explained_is_the_answer_that_was_given(predictor: Predictor) -> None:
    found, (answer,) = attribute(predictor, FIRST, SECOND), predictor.answer([(FIRST, SECOND)])
    for scores, both in ((found.base, answer.base), (found.adapter, answer.adapter)):
        assert isinstance(both, BothOrders)
        assert 1 / (1 + np.exp(-scores.log_odds)) == pytest.approx(both.given, abs=1e-5)


def test_steps_in_parts_are_steps_all_at_once(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = attribute(predictor, FIRST, SECOND)
    monkeypatch.setattr("qlora_core.evaluation.attribution.TOKENS_AT_ONCE", 50)
    in_parts = attribute(predictor, FIRST, SECOND)
    assert in_parts.adapter.scores == pytest.approx(at_once.adapter.scores, abs=1e-4)


def hooks(predictor: Predictor) -> dict[str, tuple[int, int]]:
    """How many functions are called around each layer's own."""
    modules = predictor.model.named_modules()
    return {name: (len(module._forward_pre_hooks), len(module._forward_hooks)) for name, module in modules}


def test_the_model_is_left_as_it_was(decided_run: Run) -> None:
    predictor = Predictor(decided_run)
    expected = predictor.answer([(FIRST, SECOND)])
    before, switched, hooked = state(predictor), switches(predictor), hooks(predictor)
    attribute(predictor, FIRST, SECOND)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(predictor).items())
    assert switches(predictor) == switched
    assert hooks(predictor) == hooked
    assert predictor.answer([(FIRST, SECOND)]) == expected


def test_a_twin_explains_the_same_while_the_other_answers(decided_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(decided_run)
    answers, alone = predictor.answer([(FIRST, SECOND)]), attribute(predictor, FIRST, SECOND)
    begun, answered = Event(), Event()
    real = LayerIntegratedGradients.attribute

    def wait_for_the_answer(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        assert answered.wait(60)
        return real(*args, **kwargs)

    monkeypatch.setattr(LayerIntegratedGradients, "attribute", wait_for_the_answer)
    with ThreadPoolExecutor() as threads:
        explanation = threads.submit(attribute, predictor.twin, FIRST, SECOND)
        assert begun.wait(60)
        assert predictor.answer([(FIRST, SECOND)]) == answers
        answered.set()
        assert explanation.result(60) == alone
    assert predictor.answer([(FIRST, SECOND)]) == predictor.twin.answer([(FIRST, SECOND)]) == answers


def test_a_twin_has_the_encoder_in_common_and_nothing_that_an_answer_changes(decided_run: Run) -> None:
    predictor = Predictor(decided_run)
    own, twins = (dict(each.model.named_parameters()) for each in (predictor, predictor.twin))
    assert own.keys() == twins.keys()
    shared = {name for name in own if own[name].data_ptr() == twins[name].data_ptr()}
    assert shared == {name for name in own if not any(word in name for word in ("lora_", "pooler", "classifier"))}
    assert predictor.twin is predictor.twin


def test_what_the_vocabulary_lacks_is_shown_as_it_was_written(predictor: Predictor) -> None:
    found = attribute(predictor, "the 😀 ferry", "Zwxy مرحبا \ud83d")
    assert found.tokens == ["[CLS]", "the", "😀", "ferry", "[SEP]", "z", "##w", "##x", "##y", "مرحبا", "?", "[SEP]"]


def test_a_long_pair_is_cut_off_and_said_to_be(predictor: Predictor) -> None:
    found = attribute(predictor, "the " * 1000, "the ferry", n_steps=4)
    assert found.truncated
    assert len(found.tokens) == predictor.config.max_length


def test_an_empty_sentence_is_refused(predictor: Predictor) -> None:
    with pytest.raises(DataError, match=r"^Sentence 2 is empty\."):
        attribute(predictor, FIRST, " ")
