"""What a run works with follows from its configuration, and is put together in one way."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import BertTokenizerFast

from qlora_core.config import RunConfig
from qlora_core.data.sources import PairData, load_run_pairs
from qlora_core.errors import ConfigError, ModelError
from qlora_core.language import Message
from qlora_core.models.inference import predict_logits
from qlora_core.models.quantization import quantized_modules
from qlora_core.training.setup import Setup
from tests.conftest import Bench

MakeConfig = Callable[..., RunConfig]
MakeBench = Callable[..., Bench]


def test_the_pairs_are_those_that_the_configuration_names(tiny_config: MakeConfig) -> None:
    setup = Setup.load(tiny_config(max_train_samples=20, max_eval_samples=10, seed=3))
    assert (len(setup.train), len(setup.validation)) == (20, 10)
    assert setup.data.fingerprint == load_run_pairs(setup.config).fingerprint
    assert setup.data.fingerprint != Setup.load(setup.config.model_copy(update={"seed": 4})).data.fingerprint


@pytest.mark.parametrize(("probability", "swapped"), [(0.0, False), (0.5, True)])
def test_pairs_are_tokenised_in_both_orders_where_training_may_swap_them(
    probability: float, swapped: bool, bench: MakeBench
) -> None:
    setup = bench(swap_probability=probability)
    assert (setup.train.swapped is not None) == swapped
    assert setup.validation.swapped is None


def test_a_sample_of_the_training_pairs_is_bounded_and_follows_from_the_seed(
    tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qlora_core.training.setup.MAX_TRAIN_SAMPLE", 12)
    drawn = [Setup.load(tiny_config(max_train_samples=40, seed=seed)).train_sample for seed in (0, 0, 1)]
    assert [len(each) for each in drawn] == [12, 12, 12]
    assert len({tuple(row[0]) for row in drawn[0].rows}) == 12
    assert drawn[0].rows == drawn[1].rows != drawn[2].rows


def test_a_model_answers_for_either_split(tiny_config: MakeConfig) -> None:
    setup = Setup.load(tiny_config())
    model, told = setup.models.quantized().model, []
    logits = setup.answer(model, "train", lambda done, total: told.append((done, total)))
    assert logits.shape == (64, 2)
    assert told[-1] == (64, 64)
    np.testing.assert_array_equal(
        setup.answer(model), predict_logits(model, setup.validation, setup.accelerator, setup.config.eval_batch_size)
    )


def test_models_are_quantised_only_where_that_is_asked_for(bench: MakeBench) -> None:
    models = bench().models
    assert quantized_modules(models.unquantized().model) == []
    quantized = models.quantized().model
    assert len(quantized_modules(models.with_lora(quantized))) == len(quantized_modules(quantized)) == 12
    assert quantized_modules(bench(quantization="none").models.quantized().model) == []


def test_pairs_that_are_cut_off_are_counted(tiny_config: MakeConfig) -> None:
    lengths = Setup.load(tiny_config())
    assert lengths.truncation == {
        "max_length": 128, "train": 64, "train_truncated": 0, "validation": 16, "validation_truncated": 0,
    }  # fmt: skip
    short = Setup.load(tiny_config(max_length=12)).truncation
    assert short["train_truncated"] == sum(length > 12 for length in lengths.train.lengths()) > 0
    assert short["validation_truncated"] == sum(length > 12 for length in lengths.validation.lengths()) > 0


@pytest.mark.parametrize("seed", [0, 3])
def test_two_setups_of_one_configuration_start_from_the_same_weights(seed: int, bench: MakeBench) -> None:
    first = bench(seed=seed).untrained_adapter().state_dict()
    torch.manual_seed(99)  # whatever else a process has drawn
    second = bench(seed=seed).untrained_adapter().state_dict()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_another_tokenizer_takes_the_place_of_the_base_models(tiny_config: MakeConfig) -> None:
    config = tiny_config()
    tokenizer = BertTokenizerFast.from_pretrained(config.base_model)
    assert Setup.load(config, tokenizer=tokenizer).tokenizer is tokenizer


@pytest.mark.parametrize(
    ("changes", "error"), [({"max_length": 512, "base_model": "nobody"}, ModelError), ({"max_length": 511}, None)]
)
def test_what_cannot_be_set_up_is_refused(
    changes: dict[str, object], error: type[Exception] | None, tiny_config: MakeConfig
) -> None:
    if error is None:
        assert Setup.load(tiny_config(**changes)).train.max_length == 511
        return
    with pytest.raises(error):
        Setup.load(tiny_config(**changes))


def test_float16_on_a_cpu_is_refused_before_anything_is_loaded(tiny_config: MakeConfig) -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU computes float16")
    with pytest.raises(ConfigError, match="float16 needs a GPU"):
        Setup.load(tiny_config(bnb_4bit_compute_dtype="float16", base_model="nobody"))


def test_easy_pairs_need_sentences_that_are_unrelated(bench: Callable[..., Bench]) -> None:
    setup = bench(easy_pairs_steps=1)
    assert len(set(setup.train.bundles.tolist())) > 1
    rows = [{"idx": n, "sentence1": "Sentence", "sentence2": f"Second {n}", "label": n % 2} for n in range(20)]
    linked = replace(setup, data=PairData("linked", Message(""), Dataset.from_list(rows), setup.data.validation))
    with pytest.raises(ConfigError, match="easy_pairs_steps: every training pair shares a sentence"):
        linked.train  # noqa: B018
