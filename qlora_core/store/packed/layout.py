"""What a run that is one file holds: a zip with one folder, which is called by the run's id.

What is not listed here is never unpacked, whatever it is called; so nothing in a zip can be code that is run.
"""

from typing import NamedTuple

from qlora_core.store import directory
from qlora_core.store.files import MAX_JSON_BYTES

MEBIBYTE = 2**20
#: SHA-256 of every other file in the zip, by name; zips of earlier versions have none.
DIGESTS = "sha256.json"
#: Files of pairs that the run learned from, where a server keeps it for itself.
PAIRS = "uploads/"
ADAPTER_CONFIG = f"{directory.ADAPTER}/{directory.ADAPTER_CONFIG}"
WEIGHTS = f"{directory.ADAPTER}/adapter_model.safetensors"
TOKENIZER, TOKENIZER_CONFIG = f"{directory.ADAPTER}/tokenizer.json", f"{directory.ADAPTER}/tokenizer_config.json"
START_RECORD, START_WEIGHTS = f"{directory.START}/start.json", f"{directory.START}/adapter_model.safetensors"
#: Bytes of each file at most, once it is unpacked.
MAX_BYTES = {
    directory.CONFIG: MEBIBYTE,
    directory.RESULT: MAX_JSON_BYTES,
    directory.ENVIRONMENT: MEBIBYTE,
    directory.STATUS: MEBIBYTE,
    directory.EVENTS: 128 * MEBIBYTE,
    directory.PREDICTIONS: 64 * MEBIBYTE,
    directory.HEADS: 64 * MEBIBYTE,
    ADAPTER_CONFIG: MEBIBYTE,
    WEIGHTS: 400 * MEBIBYTE,
    TOKENIZER: 32 * MEBIBYTE,
    TOKENIZER_CONFIG: MEBIBYTE,
    f"{directory.ADAPTER}/special_tokens_map.json": MEBIBYTE,
    f"{directory.ADAPTER}/vocab.txt": 16 * MEBIBYTE,
    f"{directory.ADAPTER}/README.md": MEBIBYTE,
    START_RECORD: MEBIBYTE,
    START_WEIGHTS: 400 * MEBIBYTE,
    DIGESTS: MEBIBYTE,
}
#: What a server keeps besides, for itself: no visitor's zip may bring it.
MAX_BYTES_OF_OWN = {
    directory.OWNER: 1_000,
    directory.BROUGHT: MEBIBYTE,
    directory.ESTIMATE: MEBIBYTE,
}
REQUIRED = (directory.CONFIG, directory.RESULT, directory.PREDICTIONS, ADAPTER_CONFIG, WEIGHTS)
OBJECTS = (directory.CONFIG, directory.RESULT, directory.ENVIRONMENT, ADAPTER_CONFIG, TOKENIZER, TOKENIZER_CONFIG)
TENSORS = (WEIGHTS, directory.HEADS, START_WEIGHTS)


class Bounds(NamedTuple):
    """What a zip may be at most."""

    entries: int = 200
    unpacked: int = 512 * MEBIBYTE  #: bytes of all files together
    ratio: int = 250  #: bytes of a file by the bytes that it is packed in; logs of steps reach 10, text of zeros 1,000


#: Of what a stranger brings, and of what a store keeps for itself.
BOUNDS, BOUNDS_OF_OWN = Bounds(), Bounds(unpacked=8 * 2**30)
