"""The folder of a BERT: what has to be in it, and what its files say of the model.

Weights are only ever read from safetensors files, and no code that comes with a model is run.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from qlora_core.errors import ModelError
from qlora_core.language import N_

WEIGHTS_FILE = "model.safetensors"
#: Which tensor is in which file, where the weights are in several (shards).
INDEX_FILE = "model.safetensors.index.json"
#: What is taken of a repository on the hub: these files, and of large models the shards.
WHOLE_FILES = ("config.json", WEIGHTS_FILE, "tokenizer.json", "tokenizer_config.json", "vocab.txt")
HUB_FILES = [*WHOLE_FILES, INDEX_FILE, "model-*-of-*.safetensors"]

#: Either is enough.
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt")

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


def check_architecture(folder: Path) -> None:
    """Only encoders that transformers builds with its own BERT code; a folder's own code is never run."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _no_config(folder) from error
    except (ValueError, RecursionError, OSError) as error:
        raise ModelError(N_("The config.json of '{name}' cannot be read as JSON."), name=folder.name) from error
    if not isinstance(config, dict):
        raise ModelError(
            N_("The config.json of '{name}' does not hold an object, so it describes no model."), name=folder.name
        )
    if (fault := _fault(folder, config)) is not None:
        raise fault


def _fault(folder: Path, config: dict[str, Any]) -> ModelError | None:
    """What keeps the model that is described from being a BERT that can be used."""
    model_type = config.get("model_type")
    if model_type is None:
        return ModelError(
            N_(
                "The config.json of '{name}' does not say what the model is. If it is a BERT, add this line after its "
                "first brace: {line}"
            ),
            name=folder.name,
            line=MODEL_TYPE_LINE,
        )
    if model_type != "bert":
        return ModelError(
            N_("'{name}' is of type {type}. Choose an encoder of type 'bert'."),
            name=folder.name,
            type=repr(str(model_type)[:40]),
        )
    if config.get("is_decoder"):
        return ModelError(
            N_("'{name}' is a decoder: its tokens do not see what follows them. Choose an encoder."), name=folder.name
        )
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        return ModelError(
            N_("'{name}' has no tokenizer. Put its tokenizer.json or vocab.txt into the folder."), name=folder.name
        )
    return None


def _no_config(folder: Path) -> ModelError:
    if (folder / OLD_CONFIG_FILE).is_file():
        return ModelError(
            N_(
                "The folder of '{name}' has no config.json, but a {file}. Rename that to config.json, and add this "
                "line after its first brace if it has no model_type: {line}"
            ),
            name=folder.name,
            file=OLD_CONFIG_FILE,
            line=MODEL_TYPE_LINE,
        )
    return ModelError(N_("The folder of '{name}' has no config.json, so it holds no model."), name=folder.name)


def read_sizes(folder: Path) -> dict[str, int]:
    """The sizes in a model's config.json that are named in ``BERT_SIZES``.

    Raises:
        ModelError: config.json is missing or damaged, or a size is no positive whole number.
    """
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        sizes = {name: values.get(name, default) for name, default in BERT_SIZES.items()}
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise ModelError(
            N_("The config.json of '{name}' cannot be read. Choose another base model."), name=folder.name
        ) from error
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ModelError(
                N_("The config.json of '{name}' has a {size} that is no positive whole number."),
                name=folder.name,
                size=name,
            )
    return sizes


def has_model(folder: Path) -> bool:
    """Whether a folder holds configuration, tokenizer and all weights, whatever is in them."""
    try:
        weight_files(folder)
    except ModelError:
        return False
    has_tokenizer = any((folder / file).is_file() for file in TOKENIZER_FILES)
    return has_tokenizer and (folder / "config.json").is_file()


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a model's weights: one, or those that its index lists.

    Raises:
        ModelError: there are none, or the index is damaged or names what is no file beside it.
    """
    if (folder / WEIGHTS_FILE).is_file():
        return [folder / WEIGHTS_FILE]
    if not (folder / INDEX_FILE).is_file():
        raise ModelError(
            N_(
                "'{name}' has no {file}. Weights are read from safetensors only, because other formats can run code; "
                "convert them with transformers' save_pretrained()."
            ),
            name=folder.name,
            file=WEIGHTS_FILE,
        )
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            N_("The {file} of '{name}' cannot be read. Copy the model's files anew."), file=INDEX_FILE, name=folder.name
        ) from error
    for name in names:
        if not _is_shard(folder, name):
            raise ModelError(
                N_("The {file} of '{name}' names {shard}, no safetensors file beside it. Copy the model's files anew."),
                file=INDEX_FILE,
                name=folder.name,
                shard=repr(str(name)[:80]),
            )
    return [folder / name for name in names]


def _is_shard(folder: Path, name: object) -> bool:
    """Whether an index may name this file: no other folder's, and none that can run code."""
    if not isinstance(name, str) or not name.endswith(".safetensors") or "\\" in name or "\0" in name:
        return False
    return Path(name).name == name and (folder / name).is_file()


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights, by its name.

    Raises:
        ModelError: as ``weight_files``.
    """
    found = {}
    for path in weight_files(folder):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
