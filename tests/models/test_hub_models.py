"""Base models by their name on the hub: fetched once, the same ever after, safetensors only."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants, save_torch_state_dict
from safetensors.torch import load

from qlora_core.errors import HubError, HubProblem, ModelError
from qlora_core.models import catalog
from qlora_core.models.base.first_use import record_path
from qlora_core.models.base.folder import WEIGHTS_FILE
from qlora_core.models.catalog import BASE_MODELS, find_base_model, offered_base_models
from qlora_core.models.device import Compute
from qlora_core.models.quantization import load_quantized
from qlora_core.models.tokenizer import load_tokenizer
from qlora_core.settings import read_settings
from tests.conftest import make_bert
from tests.hostile import leaks
from tests.loopback_hub import LoopbackHub, ask, keep_below, serve

NAME = "somebody/tiny-bert"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A hub that answers this process, which has nothing of it yet."""
    with serve() as server:
        ask(server, tmp_path / "home", monkeypatch)
        yield server


@pytest.fixture
def published(hub: LoopbackHub, tiny_bert: Path, tmp_path: Path) -> Path:
    """The folder of the tiny BERT that the hub shows; a test may change it."""
    folder = shutil.copytree(tiny_bert, tmp_path / "published")
    hub.publish(NAME, folder)
    return folder


def change_weights(folder: Path) -> None:
    """Another last byte."""
    weights = folder / WEIGHTS_FILE
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def empty_cache() -> None:
    shutil.rmtree(constants.HF_HUB_CACHE)


def test_a_model_is_fetched_by_its_name_once(hub: LoopbackHub, published: Path) -> None:
    model = find_base_model(NAME)
    commit = hub.names[NAME]["main"]
    assert (model.id, model.hub_id, model.revision) == (NAME, NAME, commit)
    assert model.source == f"hub {NAME}@{commit[:12]}"
    assert model.sha256 == find_base_model(str(published)).sha256
    assert model.weights_bytes == (published / WEIGHTS_FILE).stat().st_size
    hub.fetched.clear()
    assert find_base_model(NAME, download=False) == model
    assert hub.fetched == []


def test_a_name_means_the_same_weights_ever_after(hub: LoopbackHub, published: Path, tmp_path: Path) -> None:
    first = find_base_model(NAME)
    change_weights(newer := shutil.copytree(published, tmp_path / "newer"))
    hub.publish(NAME, newer)
    empty_cache()
    again = find_base_model(NAME)
    assert (again.revision, again.files) == (first.revision, first.files)


@pytest.mark.usefixtures("hub")
def test_other_weights_at_the_same_commit_are_refused_until_they_are_trusted(published: Path) -> None:
    find_base_model(NAME)
    empty_cache()
    change_weights(published)
    with pytest.raises(
        ModelError, match=r"not those of its first use here \(their SHA-256 differs\)\. Remove its"
    ) as said:
        find_base_model(NAME)
    record = record_path(NAME, "")
    assert f"{record.parent.name}/{record.name} from the folder HF_HOME" in str(said.value)
    assert leaks(str(said.value), constants.HF_HOME) == []
    record.unlink()
    assert find_base_model(NAME).files == find_base_model(str(published)).files


@pytest.mark.usefixtures("hub", "published")
@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"commit": 7, "files": {}}', '{"commit": "a", "files": 3}'])
def test_a_damaged_record_is_refused_with_its_place(content: str) -> None:
    record = record_path(NAME, "")
    record.parent.mkdir(parents=True)
    record.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"first use cannot be read\. Remove qlora_first_use/.* folder HF_HOME"):
        find_base_model(NAME)


@pytest.mark.usefixtures("published")
def test_where_no_record_can_be_kept_the_model_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "file"))
    assert find_base_model(NAME).hub_id == NAME
    assert "first use of a base model is not recorded" in caplog.text


def test_the_tables_digest_decides_where_it_is_known(
    hub: LoopbackHub, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = BASE_MODELS["MiniLM-L6-H384-uncased"]
    hub.publish(entry.hub_id, published, entry.revision)
    with pytest.raises(ModelError, match="are not the ones this program was made for") as said:
        find_base_model(entry.name)
    assert leaks(str(said.value), constants.HF_HOME) == []
    sha256 = find_base_model(str(published)).sha256
    monkeypatch.setitem(catalog.BASE_MODELS, entry.name, replace(entry, sha256=sha256))
    model = find_base_model(entry.name)
    assert model.revision == hub.names[entry.hub_id][entry.revision]


def test_only_a_pickle_on_the_hub_is_refused_with_what_to_name(
    hub: LoopbackHub, published: Path, tmp_path: Path
) -> None:
    converted = shutil.copytree(published, tmp_path / "converted")
    torch.save(load((published / WEIGHTS_FILE).read_bytes()), published / "pytorch_model.bin")
    (published / WEIGHTS_FILE).unlink()
    hub.publish(NAME, published)
    hub.publish(NAME, converted, "refs/pr/1")
    with pytest.raises(ModelError, match=rf"no BERT in safetensors .* can run code .* name {NAME}@refs/pr/1\.$"):
        find_base_model(NAME)
    assert not [name for name in hub.fetched if name.endswith(".bin")]
    model = find_base_model(f"{NAME}@refs/pr/1")
    assert model.revision == hub.names[NAME]["refs/pr/1"]


def test_a_part_that_another_program_fetched_is_completed(hub: LoopbackHub, published: Path) -> None:
    folder = find_base_model(NAME).folder
    (folder / WEIGHTS_FILE).unlink()
    shutil.rmtree(folder.parent.parent / "trees", ignore_errors=True)  # which an older program did not keep
    with pytest.raises(HubError) as missing:
        find_base_model(NAME, download=False)
    assert missing.value.problem == HubProblem.NOT_HERE
    assert find_base_model(NAME).files == find_base_model(str(published)).files
    assert hub.fetched


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["somebody/else", f"{NAME}@no-such-branch"])
def test_what_the_hub_does_not_show_is_told_as_that(name: str) -> None:
    with pytest.raises(HubError, match=r"hub shows no somebody/.* Check the name; .* set HF_TOKEN") as said:
        find_base_model(name)
    assert said.value.problem == HubProblem.NO_SUCH


def test_shards_no_pooler_and_capital_letters_come_from_the_hub_too(hub: LoopbackHub, tmp_path: Path) -> None:
    whole = make_bert(tmp_path / "cased", lowercase=False, pooler=False)
    tensors = load((whole / WEIGHTS_FILE).read_bytes())
    sharded = shutil.copytree(whole, tmp_path / "sharded", ignore=shutil.ignore_patterns(WEIGHTS_FILE))
    save_torch_state_dict(tensors, sharded, max_shard_size="100KB", metadata={"format": "pt"})
    hub.publish(NAME, sharded)
    model = find_base_model(NAME)
    assert len(model.files) > 2
    loaded = load_quantized(
        model.folder, None, Compute(torch.device("cpu"), torch.float32, "eager", "for this test"), 0
    )
    assert loaded.pooler_is_new
    tokenizer = load_tokenizer(model, 32)
    assert tokenizer.tokenize("A") != tokenizer.tokenize("a")


def test_a_vocabulary_alone_is_read_in_small_letters_as_minilm_was_trained(hub: LoopbackHub, published: Path) -> None:
    tokens = load_tokenizer(find_base_model(str(published)), 32).get_vocab()
    for path in published.glob("*token*"):
        path.unlink()
    (published / "vocab.txt").write_text("\n".join(sorted(tokens, key=tokens.__getitem__)), encoding="utf-8")
    (published / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    hub.publish(NAME, published)
    assert load_tokenizer(find_base_model(NAME), 32).tokenize("The Ferry") == ["the", "ferry"]


def test_without_the_hub_what_is_at_hand_works(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = find_base_model(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert find_base_model(NAME) == model
    assert model.files == find_base_model(str(published)).files
    keep_below(tmp_path / "another", monkeypatch)
    with pytest.raises(HubError, match=f"^{NAME} is not on this machine and the Hugging Face hub cannot be reached"):
        find_base_model(NAME)


def test_a_folder_comes_before_a_name_on_the_hub(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bert, tmp_path / NAME)
    monkeypatch.chdir(tmp_path)
    assert find_base_model(NAME).source == "folder"


def test_the_tables_own_models_may_be_named_as_on_the_hub() -> None:
    assert catalog.hub_model("google-bert/bert-base-cased") is BASE_MODELS["bert-base-cased"]
    assert catalog.hub_model("sentence-transformers/all-MiniLM-L6-v2") != BASE_MODELS["minilm"]
    assert catalog.hub_model("bert-base-cased") is None


def test_the_owner_adds_to_what_visitors_may_choose() -> None:
    assert offered_base_models(read_settings({})) == BASE_MODELS
    added = read_settings({"QLORA_EXTRA_BASE_MODELS": "prajjwal1/bert-tiny, google-bert/bert-base-cased@main"})
    offered = offered_base_models(added)
    assert list(offered)[len(BASE_MODELS) :] == ["prajjwal1/bert-tiny", "google-bert/bert-base-cased@main"]
    entry = offered["google-bert/bert-base-cased@main"]
    assert (entry.hub_id, entry.revision, entry.instead) == ("google-bert/bert-base-cased", "main", "minilm")
