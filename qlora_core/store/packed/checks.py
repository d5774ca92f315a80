"""What a run's files hold, where they come from somebody else: nothing that a library would run, follow or choke on."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from qlora_core.config import RunConfig
from qlora_core.errors import ArchiveError
from qlora_core.language import N_, Message
from qlora_core.store.files import open_file

# pyarrow is imported where it is used: importing the store costs nothing.

MAX_HEADER_BYTES, MAX_TENSORS = 2**20, 5_000
#: Number types that a run saves its tensors in.
DTYPES = {"F32", "F16", "BF16", "F64", "I64"}
MAX_ROWS, MAX_COLUMNS, MAX_ROW_GROUPS, MAX_TABLE_BYTES = 200_000, 30, 1_000, 256 * 2**20
COLUMN_NAME = re.compile(r"idx|label|probability_[a-z_]{1,40}")
MAX_TEXT = 200
#: What PEFT writes of a setting that is not used.
UNUSED: tuple[object, ...] = (None, False, {}, [], "")
#: Further values of ``adapter_config.json`` that an adapter of this program has.
FIXED: dict[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "task_type": ("SEQ_CLS",),
    "bias": ("none",),
    "init_lora_weights": (True,),
    "inference_mode": (True, False),
    "megatron_core": ("megatron.core",),
    "qalora_group_size": (16,),
}
TEXTS = ("base_model_name_or_path", "peft_version", "revision")
#: Parts of a BERT's tokenizer; no other may take part, above all none that holds a pattern to search with.
TOKENIZER_PARTS = {
    *("WordPiece", "BertNormalizer", "BertPreTokenizer", "TemplateProcessing", "BertProcessing", "Sequence"),
    *("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Whitespace", "WhitespaceSplit"),
}
TOKENIZER_CLASSES = (
    *("BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"),
    None,
)


def check_adapter_config(values: Mapping[str, Any], config: RunConfig) -> None:
    """An adapter's ``adapter_config.json`` says what the run's settings say, and nothing more.

    PEFT takes patterns to search names with, programs to start from and names of classes from that file.

    Raises:
        ArchiveError: it asks for something else.
    """
    own = {"r": config.r, "lora_alpha": config.lora_alpha, "lora_dropout": config.lora_dropout}
    own |= {"use_rslora": config.use_rslora}
    for name, value in values.items():
        if name in own:
            fits = type(value) in (int, float, bool) and value == own[name]
        elif name == "target_modules":
            fits = _names(value) == set(config.target_modules)
        elif name == "modules_to_save":
            fits = _names(value) - {"score"} == set(config.modules_to_save)
        elif name in TEXTS:
            fits = value is None or (isinstance(value, str) and len(value) <= MAX_TEXT)
        else:
            fits = any(type(value) is type(one) and value == one for one in (*UNUSED, *FIXED.get(name, ())))
        if not fits:
            raise ArchiveError(
                N_("The adapter's setting {setting} is not what a run of this program writes there."),
                setting=repr(name[:40]),
            )
    missing = {*own, "target_modules", "modules_to_save", "peft_type", "task_type"} - values.keys()
    if missing:
        raise ArchiveError(
            N_("The adapter's settings lack {setting}. Take the run home once more."), setting=min(missing)
        )


def _names(value: object) -> set[str]:
    return {name for name in value if isinstance(name, str)} if isinstance(value, list) else set()


def check_tokenizer(tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """A tokenizer's files are those of a BERT, and name no other file or code.

    Raises:
        ArchiveError: they are, or do.
    """
    refusal = N_("The tokenizer beside that adapter is none of a BERT. Take the run home once more.")
    for part in ("normalizer", "pre_tokenizer", "post_processor", "model"):
        if not _is_plain(tokenizer.get(part), depth=6):
            raise ArchiveError(refusal)
    names_a_file = any(name.endswith("_file") or name == "auto_map" for name in config)
    if names_a_file or config.get("tokenizer_class") not in TOKENIZER_CLASSES:
        raise ArchiveError(refusal)


def _is_plain(part: object, depth: int) -> bool:
    """Whether all parts of a tokenizer's part are of known kinds."""
    if isinstance(part, list):
        return all(_is_plain(one, depth - 1) for one in part)
    if not isinstance(part, dict):
        return True
    if depth < 0 or part.get("type", "Sequence") not in TOKENIZER_PARTS or "pattern" in part:
        return False
    return all(_is_plain(one, depth - 1) for name, one in part.items() if name != "vocab")


def check_tensors(path: Path) -> None:
    """A safetensors file is whole, and holds numbers of the types that a run saves.

    Raises:
        ArchiveError: it is not.
    """
    refusal = Message(
        N_("{file} is no safetensors file of a run. Take the run home once more."),
        {"file": f"{path.parent.name}/{path.name}"},
    )
    with open_file(path) as file:
        if int.from_bytes(file.read(8), "little") > MAX_HEADER_BYTES:
            raise ArchiveError(refusal)
    try:
        with safe_open(path, framework="numpy") as tensors:  # names, shapes and places are checked against each other
            names = list(tensors.keys())
            dtypes = {tensors.get_slice(name).get_dtype() for name in names[:MAX_TENSORS]}
    except (SafetensorError, OSError, ValueError) as error:
        raise ArchiveError(refusal) from error
    if not names or len(names) > MAX_TENSORS or not dtypes <= DTYPES:
        raise ArchiveError(refusal)


def check_predictions(path: Path) -> None:
    """A table of answers holds numbers alone, and unpacks to no more than it may.

    Raises:
        ArchiveError: it does not.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    refusal = N_("The answers in that zip cannot be read. Take the run home once more.")
    try:
        with open_file(path) as file:
            table = pq.ParquetFile(file)
            found, fields = table.metadata, table.schema_arrow
            size = sum(found.row_group(number).total_byte_size for number in range(found.num_row_groups))
            within = (
                0 < found.num_rows <= MAX_ROWS
                and found.num_columns <= MAX_COLUMNS
                and found.num_row_groups <= MAX_ROW_GROUPS
                and size <= MAX_TABLE_BYTES
            )
            is_number = (pa.types.is_integer, pa.types.is_floating)
            are_numbers = all(
                COLUMN_NAME.fullmatch(field.name) and any(is_it(field.type) for is_it in is_number) for field in fields
            )
            if not within or not are_numbers:
                raise ArchiveError(refusal)
            table.read()
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(refusal) from error
