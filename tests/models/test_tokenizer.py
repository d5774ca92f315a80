"""A tokenizer, and lengths, that do not fit their model are refused before anything is computed."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, ModelError, QLoRAError
from qlora_core.models.catalog import BaseModel, find_base_model
from qlora_core.models.parameter_counts import parameter_counts
from qlora_core.models.tokenizer import load_tokenizer
from qlora_core.store.runs import RunStore
from qlora_core.training.cost.estimate import estimate_cost
from qlora_core.training.run_process import start_run
from tests.conftest import ignore, make_bert

MakeConfig = Callable[..., RunConfig]


def altered(folder: Path, target: Path, **sizes: Any) -> Path:
    """A copy of a model's folder whose config.json has other sizes."""
    shutil.copytree(folder, target)
    path = target / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | sizes))
    return target


@pytest.fixture(scope="module")
def short_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that reads 32 tokens."""
    return make_bert(tmp_path_factory.mktemp("short") / "short-bert", max_position_embeddings=32)


def test_pairs_as_long_as_the_model_reads_can_be_trained_on(
    short_bert: Path, tiny_config: MakeConfig, store: RunStore
) -> None:
    run = start_run(tiny_config(base_model=str(short_bert), max_length=32), store, ignore)
    assert run.status.state == "finished"


def test_longer_pairs_are_refused_by_run_estimate_and_count(
    short_bert: Path, tiny_config: MakeConfig, store: RunStore
) -> None:
    config = tiny_config(base_model=str(short_bert), max_length=33)
    words = r"^max_length: 33 tokens are more than this base model can read at once\. Set it to 32 or less\.$"
    with pytest.raises(ConfigError, match=words):
        parameter_counts(config, short_bert)
    with pytest.raises(ConfigError, match=words):
        estimate_cost(config)
    with pytest.raises(ConfigError, match=words):
        start_run(config, store, ignore)
    (run,) = store.runs()
    assert run.status.state == "failed"
    assert not any(event["kind"] == "baseline" for event in run.events())


def test_a_tokenizer_of_another_model_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    base = find_base_model(str(altered(tiny_bert, tmp_path / "mixed", vocab_size=50)))
    with pytest.raises(ModelError, match=r"^The tokenizer of 'mixed' numbers its tokens up to \d+, .* only 50 of them"):
        load_tokenizer(base, 16)


@pytest.mark.parametrize("size", ["many", 0, None, 1.5])
def test_sizes_that_are_no_numbers_are_refused(size: object, tiny_bert: Path, tmp_path: Path) -> None:
    base = find_base_model(str(altered(tiny_bert, tmp_path / "damaged", max_position_embeddings=size)))
    with pytest.raises(QLoRAError, match="max_position_embeddings that is no positive whole number"):
        load_tokenizer(base, 16)


@pytest.fixture
def bare(tmp_path: Path) -> Callable[[bool], BaseModel]:
    """Makes a model whose tokenizer is a vocab.txt alone, with capital letters or without."""

    def make(cased: bool) -> BaseModel:
        folder = make_bert(tmp_path / "bare", lowercase=not cased)
        vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        for file in folder.glob("*token*"):
            file.unlink()
        (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
        return find_base_model(str(folder))

    return make


def test_a_cased_vocabulary_without_a_configuration_is_refused_with_the_line_to_add(
    bare: Callable[[bool], BaseModel],
) -> None:
    base = bare(True)
    with pytest.raises(ModelError, match=r'Put "do_lower_case": false into tokenizer_config\.json') as refused:
        load_tokenizer(base, 128)
    line = re.search(r"\{.*\}", str(refused.value))
    assert line is not None
    (base.folder / "tokenizer_config.json").write_text(line[0], encoding="utf-8")
    tokenizer = load_tokenizer(base, 128)
    assert tokenizer.tokenize("A") == ["A"]


def test_an_uncased_vocabulary_needs_no_configuration(bare: Callable[[bool], BaseModel]) -> None:
    assert load_tokenizer(bare(False), 128).tokenize("A") == ["a"]


@pytest.mark.parametrize("lowercase", [True, False])
def test_a_tokenizer_that_fits_its_vocabulary_is_taken(lowercase: bool, tmp_path: Path) -> None:
    base = find_base_model(str(make_bert(tmp_path / "bert", lowercase=lowercase)))
    assert load_tokenizer(base, 128).tokenize("A") == (["a"] if lowercase else ["A"])
