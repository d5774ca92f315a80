"""A run asked again: adapter and baselines answer as they were measured, and people's own pairs are compared."""

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from peft.tuners.lora import LoraLayer
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from qlora_core.config import RunConfig
from qlora_core.data.sources import load_run_pairs
from qlora_core.data.typed_pairs import Answer, BothOrders, Pair
from qlora_core.errors import DataError, ModelError, RunError
from qlora_core.evaluation.answerers import ASKABLE, Askable
from qlora_core.evaluation.metrics import probabilities
from qlora_core.evaluation.predictor import Predictor
from qlora_core.models.adapter import adapter_scaled
from qlora_core.models.checkpoint import BEST, TRAINED
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from tests.conftest import make_bert


@pytest.fixture(scope="module")
def predictor(finished_run: Run) -> Predictor:
    return Predictor(finished_run)


def recorded(run: Run, answerer: str) -> pd.Series:
    """The probabilities that the run measured on its validation pairs."""
    return pd.read_parquet(run.path / "predictions.parquet")[f"probability_{answerer}"]


@pytest.mark.parametrize("answerer", [*ASKABLE, "finetuned", "untrained_head"])
def test_an_answerer_gives_what_was_measured_in_whatever_order_they_are_asked(
    answerer: Askable, predictor: Predictor, finished_run: Run
) -> None:
    validation = load_run_pairs(finished_run.config).validation
    np.testing.assert_array_equal(
        probabilities(predictor.logits(predictor.tokenized(validation), answerer)), recorded(finished_run, answerer)
    )


def test_progress_is_told(predictor: Predictor, finished_run: Run) -> None:
    told: list[tuple[int, int]] = []
    predictor.logits(
        predictor.tokenized(load_run_pairs(finished_run.config).validation),
        "finetuned",
        lambda *done: told.append(done),
    )
    assert told[-1] == (16, 16)


def test_base_and_adapter_disagree_somewhere(predictor: Predictor, finished_run: Run) -> None:
    validation = load_run_pairs(finished_run.config).validation
    base, adapted = (
        predictor.logits(predictor.tokenized(validation), name).argmax(axis=1)
        for name in ("untrained_head", "finetuned")
    )
    assert (base != adapted).any()


def copy_with(run: Run, folder: Path, **changes: object) -> Run:
    """A copy of the run in another store, with other settings in its configuration."""
    copy = Run(shutil.copytree(run.path, folder / run.id))
    (copy.path / "config.json").write_text(run.config.model_copy(update=changes).model_dump_json(), encoding="utf-8")
    return copy


def test_runs_of_different_number_types_can_be_asked_in_turn(finished_run: Run, tmp_path: Path) -> None:
    validation = load_run_pairs(finished_run.config).validation
    types = ("float32", "bfloat16")
    copies = [copy_with(finished_run, tmp_path / dtype, bnb_4bit_compute_dtype=dtype) for dtype in types]
    first, second = map(Predictor, copies)
    answers = [each.logits(each.tokenized(validation), "finetuned") for each in (first, second, first, second)]
    np.testing.assert_array_equal(answers[0], answers[2])
    np.testing.assert_array_equal(answers[1], answers[3])
    assert 0 < np.abs(answers[0] - answers[1]).max() < 1


def test_a_run_directory_works_in_another_store(finished_run: Run, tmp_path: Path) -> None:
    shutil.copytree(finished_run.path, tmp_path / "elsewhere" / finished_run.id)
    run = RunStore(tmp_path / "elsewhere").open(finished_run.id)
    validation = load_run_pairs(run.config).validation
    assert run.status.state == "finished"
    predictor = Predictor(run)
    answers = probabilities(predictor.logits(predictor.tokenized(validation), "finetuned"))
    np.testing.assert_array_equal(answers, recorded(finished_run, "finetuned"))


def test_a_run_without_an_adapter_cannot_be_asked(tiny_config: Callable[..., RunConfig], store: RunStore) -> None:
    run = store.create(tiny_config())
    with pytest.raises(RunError, match=f"Run {run.id} has saved no adapter yet"):
        Predictor(run)


def test_a_base_model_that_is_gone_is_named(finished_run: Run, tmp_path: Path) -> None:
    digest = finished_run.require_result()["base_model"]["sha256"]
    words = rf"belongs to tiny-bert \(SHA-256 {digest}\), which is not on this machine\. Put its folder where"
    with pytest.raises(ModelError, match=words) as said:
        Predictor(copy_with(finished_run, tmp_path, base_model="/nowhere/bert"))
    assert "/nowhere" not in str(said.value)  # visitors of a page are told so, too


def test_a_base_model_that_went_before_the_run_was_finished_is_named_without_its_folder(
    store: RunStore, tiny_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = tiny_config(base_model=str(make_bert(tmp_path / "gone-bert")))
    run = store.create(config)
    shutil.rmtree(tmp_path / "gone-bert")
    with pytest.raises(ModelError, match=rf"^Run {run.id} needs gone-bert, which is not on this machine\.") as said:
        Predictor.from_checkpoint(run)
    assert str(tmp_path) not in str(said.value)


def test_a_base_model_with_other_weights_by_now_is_refused(finished_run: Run, tmp_path: Path) -> None:
    other = make_bert(tmp_path / "tiny-bert", num_hidden_layers=1)
    with pytest.raises(ModelError, match=r"belongs to tiny-bert \(SHA-256 \w{64}\), but the weights there are others"):
        Predictor(copy_with(finished_run, tmp_path / "runs", base_model=str(other)))


PAIRS: list[Pair] = [
    ("the ferry opened early", "the ferry closed early"),
    ("a baker was sold quickly", "a baker found a buyer fast on day 3"),
    ("our school opened ahead of time", "one farmer was never sold"),
]


def probability(predictor: Predictor, answerer: Askable, pairs: list[Pair]) -> list[float]:
    """The probabilities that ``logits`` gives, by another way than ``answer``."""
    rows = [{"sentence1": first, "sentence2": second} for first, second in pairs]
    return probabilities(predictor.logits(predictor.tokenized(Dataset.from_list(rows)), answerer)).tolist()


@pytest.mark.parametrize("which", range(3))
def test_an_answer_is_that_of_both_models_in_both_orders(predictor: Predictor, which: int) -> None:
    pair = PAIRS[which]
    both = [pair, pair[::-1]]
    base, adapter = (probability(predictor, name, both) for name in ("untrained_head", "finetuned"))
    assert predictor.answer([pair]) == [Answer(BothOrders(*base), BothOrders(*adapter), truncated=False)]
    assert base != pytest.approx(adapter, abs=1e-3)


def test_several_pairs_are_answered_in_their_order(predictor: Predictor) -> None:
    together = predictor.answer(PAIRS)
    alone = [predictor.answer([pair])[0] for pair in PAIRS]
    for one, other in zip(together, alone, strict=True):
        assert one.adapter.given == pytest.approx(other.adapter.given, abs=0.02)  # bfloat16, other companions
        assert one.base.swapped == pytest.approx(other.base.swapped, abs=0.02)


def test_no_pair_is_no_answer(predictor: Predictor) -> None:
    assert predictor.answer([]) == []


@pytest.mark.parametrize("answerer", ["linear_probe", "finetuned"])
def test_the_base_model_answers_through_the_untrained_head_whoever_was_asked_before(
    answerer: Askable, predictor: Predictor
) -> None:
    expected = predictor.answer(PAIRS, 0.5)
    probability(predictor, answerer, PAIRS)
    assert predictor.answer(PAIRS, 0.5) == expected


def state(predictor: Predictor) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in predictor.model.state_dict().items()}


def switches(predictor: Predictor) -> list[Any]:
    """What else a question could leave changed: who is trained, scales, gradients, mode."""
    scales = [dict(module.scaling) for module in predictor.model.modules() if isinstance(module, LoraLayer)]
    parameters = [(p.requires_grad, p.grad) for p in predictor.model.parameters()]
    return [scales, parameters, predictor.model.training]


@pytest.mark.parametrize("scale", [0.0, 0.37, 1.0, 1.5])
def test_a_question_leaves_the_model_as_it_was_bit_for_bit(finished_run: Run, scale: float) -> None:
    predictor = Predictor(finished_run)
    predictor.answer(PAIRS)  # which puts the untrained head in its place
    before, switched = state(predictor), switches(predictor)
    predictor.answer(PAIRS, scale)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(predictor).items())
    assert switches(predictor) == switched


def test_a_question_that_fails_leaves_the_model_as_it_was(finished_run: Run) -> None:
    predictor = Predictor(finished_run)
    before, switched = state(predictor), switches(predictor)
    with pytest.raises(ZeroDivisionError), adapter_scaled(predictor.model, 0.3):
        raise ZeroDivisionError
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(predictor).items())
    assert switches(predictor) == switched


@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
def test_scale_0_is_the_base_model_and_1_the_trained_adapter(
    quantization: str, finished_run: Run, tmp_path: Path
) -> None:
    predictor = Predictor(copy_with(finished_run, tmp_path, quantization=quantization))
    nothing, whole, unscaled = predictor.answer(PAIRS, 0), predictor.answer(PAIRS, 1), predictor.answer(PAIRS)
    assert [answer.adapter for answer in nothing] == [answer.base for answer in whole]
    assert whole == unscaled
    both = [PAIRS[0], PAIRS[0][::-1]]
    assert [*vars(predictor.answer(PAIRS[:1], 1)[0].adapter).values()] == probability(predictor, "finetuned", both)


@pytest.mark.parametrize("scale", [0.25, 1.5])
def test_weights_between_and_beyond_lie_on_a_line(scale: float, predictor: Predictor) -> None:
    predictor.answer(PAIRS)
    classifier = predictor.model.base_model.model.classifier
    query = predictor.model.base_model.model.bert.encoder.layer[0].attention.self.query
    base, trained = classifier.original_module.weight.clone(), classifier.modules_to_save["default"].weight.clone()
    delta = query.get_delta_weight("default")
    with adapter_scaled(predictor.model, scale):
        copy = classifier.modules_to_save["default"].weight
        torch.testing.assert_close(copy, base + scale * (trained - base))
        torch.testing.assert_close(query.get_delta_weight("default"), scale * delta)
    assert (base - trained).abs().max() > 0.01


def test_more_of_the_adapter_moves_the_answer_away_from_the_base_model(predictor: Predictor) -> None:
    base = predictor.answer(PAIRS[:1])[0].base.given
    moved = [abs(predictor.answer(PAIRS[:1], scale)[0].adapter.given - base) for scale in (0, 0.1, 0.2)]
    assert moved[0] == 0
    assert moved[0] < moved[1] < moved[2]


@pytest.mark.parametrize("text", ["😀👩‍👩‍👧", "مرحبا بالعالم", "\ud83d", "a\u200b", "a\0b", "the " * 1200, "x" * 5000])
def test_any_text_is_answered(text: str, predictor: Predictor) -> None:
    (answer,) = predictor.answer([(text, "the ferry opened early")])
    numbers = [*vars(answer.base).values(), *vars(answer.adapter).values()]
    assert all(0 < number < 1 for number in numbers)


def test_a_pair_that_was_cut_off_is_said_to_be(predictor: Predictor) -> None:
    room = predictor.config.max_length - 3 - 4  # [CLS], two [SEP], and the other sentence
    pairs = [("the " * count, "the ferry opened early") for count in (room, room + 1)]
    assert [answer.truncated for answer in predictor.answer(pairs)] == [False, True]


@pytest.mark.parametrize("pair", [("", "a"), ("a", " \n"), ("a", "x" * 5001)])
def test_a_pair_that_cannot_be_answered_is_refused(pair: Pair, predictor: Predictor) -> None:
    with pytest.raises(DataError, match=r"^Sentence [12] "):
        predictor.answer([("a", "b"), pair])


@pytest.mark.parametrize("scale", [-0.1, 1.6, float("nan")])
def test_a_scale_outside_its_limits_is_refused(scale: float, predictor: Predictor) -> None:
    with pytest.raises(DataError, match=r"between 0 and 1\.5"):
        predictor.answer(PAIRS, scale)


def test_threads_that_ask_at_once_are_answered_as_one_alone_is(predictor: Predictor) -> None:
    questions = [(PAIRS[number % 3], (0.0, 0.5, 1.0, 1.5)[number % 4]) for number in range(24)]
    expected = [predictor.answer([pair], scale) for pair, scale in questions]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda question: predictor.answer([question[0]], question[1]), questions)) == expected


# Python silences warnings for all threads or none, so that one thread may end what another has asked for.
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_another_run_may_be_opened_while_one_answers(predictor: Predictor, finished_run: Run, tmp_path: Path) -> None:
    expected = predictor.answer(PAIRS)
    other = copy_with(finished_run, tmp_path, bnb_4bit_compute_dtype="float32")
    with ThreadPoolExecutor(2) as pool:
        opened = [pool.submit(Predictor, other) for _ in range(3)]
        assert all(predictor.answer(PAIRS) == expected for _ in range(10))
    assert opened[0].result().models.compute.dtype == torch.float32


def test_heads_that_are_gone_are_said_to_be(finished_run: Run, tmp_path: Path) -> None:
    run = copy_with(finished_run, tmp_path)
    run.heads_path.write_bytes(b"no heads")
    with pytest.raises(RunError, match=r"baseline_heads\.safetensors, the heads of the baselines, cannot be read"):
        Predictor(run)


@pytest.fixture(scope="module")
def unfinished_run(tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run interrupted in its second epoch, whose newest weights are not its best ones."""

    def interrupt(kind: str, fields: dict[str, Any]) -> None:
        if kind == "evaluation" and fields["epoch"] == 2:
            raise KeyboardInterrupt

    store = RunStore(tmp_path_factory.mktemp("unfinished") / "runs")
    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(num_train_epochs=3), store, interrupt)
    (run,) = store.runs()
    return run


def test_a_run_that_is_not_finished_answers_with_the_newest_weights(unfinished_run: Run) -> None:
    predictor = Predictor.from_checkpoint(unfinished_run)
    tensors = load_file(unfinished_run.checkpoint_path)
    own = dict(predictor.model.named_parameters())
    newest = {name.removeprefix(TRAINED): tensor for name, tensor in tensors.items() if name.startswith(TRAINED)}
    assert newest
    assert all(torch.equal(own[name], tensor) for name, tensor in newest.items())
    assert predictor.step == [event["step"] for event in unfinished_run.events() if event["kind"] == "step"][-1]
    (answer,) = predictor.answer(PAIRS[:1])
    assert abs(answer.adapter.given - answer.base.given) > 0.001
    assert not predictor.model.training


def test_the_best_weights_of_a_checkpoint_are_not_what_is_asked(unfinished_run: Run, tmp_path: Path) -> None:
    run = copy_with(unfinished_run, tmp_path)
    tensors = load_file(run.checkpoint_path)
    with safe_open(run.checkpoint_path, framework="pt") as file:
        metadata = file.metadata()
    changed = {name: tensor + 1 if name.startswith(BEST) else tensor for name, tensor in tensors.items()}
    save_file(changed, run.checkpoint_path, metadata=metadata)
    answers = [Predictor.from_checkpoint(each).answer(PAIRS) for each in (run, unfinished_run)]
    assert answers[0] == answers[1]


def test_base_of_a_checkpoint_is_the_baseline_that_was_measured(unfinished_run: Run) -> None:
    predictor = Predictor.from_checkpoint(unfinished_run)
    logits = predictor.logits(predictor.tokenized(load_run_pairs(unfinished_run.config).validation), "untrained_head")
    (measured,) = (event["accuracy"] for event in unfinished_run.events() if event.get("name") == "untrained_head")
    labels = np.asarray(load_run_pairs(unfinished_run.config).validation["label"])
    assert float((logits.argmax(axis=1) == labels).mean()) == measured


def test_a_run_without_a_checkpoint_cannot_be_asked(tiny_config: Callable[..., RunConfig], store: RunStore) -> None:
    run = store.create(tiny_config())
    with pytest.raises(RunError, match=f"^Run {run.id} has no checkpoint yet"):
        Predictor.from_checkpoint(run)


def test_a_damaged_checkpoint_is_refused(unfinished_run: Run, tmp_path: Path) -> None:
    run = copy_with(unfinished_run, tmp_path)
    run.checkpoint_path.write_bytes(run.checkpoint_path.read_bytes()[:-100])
    with pytest.raises(RunError, match="checkpoint of this run cannot be read"):
        Predictor.from_checkpoint(run)


def test_a_run_that_finishes_meanwhile_answers_with_its_saved_adapter(
    finished_run: Run, unfinished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_with(finished_run, tmp_path)
    run.checkpoint_path.parent.mkdir(exist_ok=True)
    shutil.copy(unfinished_run.checkpoint_path, run.checkpoint_path)

    def finish(path: Path, trained: object) -> int:
        del trained
        path.unlink()
        raise RunError("The checkpoint of this run cannot be read.")

    monkeypatch.setattr("qlora_core.models.reloaded.load_newest", finish)
    predictor = Predictor.from_checkpoint(run)
    assert predictor.step is None
    assert predictor.answer(PAIRS) == Predictor(finished_run).answer(PAIRS)


def test_the_adapter_turned_to_0_is_the_base_model_to_the_last_bit(finished_run: Run) -> None:
    predictor = Predictor(finished_run)
    check = predictor.check_base(("the ferry opened early", "the ferry closed early"))
    assert check.difference == 0.0
    assert check.base_sha256 == (finished_run.result or {})["base_model"]["sha256"]
    weights = (finished_run.adapter_dir / "adapter_model.safetensors").read_bytes()
    assert check.adapter_sha256 == hashlib.sha256(weights).hexdigest()


def test_a_base_that_is_none_is_found(finished_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(finished_run)
    monkeypatch.setattr("qlora_core.evaluation.predictor.adapter_disabled", lambda _: nullcontext())
    assert predictor.check_base(("the ferry opened early", "the ferry closed early")).difference > 0
