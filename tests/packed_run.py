"""Zips of a run: whole, of an earlier version, and made to do harm, each in one way."""

import io
import json
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qlora_core.store.packed.layout import DIGESTS
from qlora_core.store.packed.pack import parts_to_take_home, write_packed
from tests.recorded import recorded_run

Files = dict[str, bytes]
#: What zips of earlier versions lack.
NEW = (DIGESTS, "events.jsonl", "status.json")
RUN = recorded_run("standard")


def zip_of(path: Path, files: Files, run_id: str = RUN.id) -> Path:
    """A zip with one folder and these files in it, as somebody makes it by hand."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(f"{run_id}/{name}", content)
    return path


def files_of(path: Path) -> Files:
    """What a zip's one folder holds."""
    with zipfile.ZipFile(path) as packed:
        return {name.partition("/")[2]: packed.read(name) for name in packed.namelist()}


def packed_recorded(path: Path) -> Path:
    """The recorded run as Results offers it."""
    write_packed(path, RUN.id, parts_to_take_home(RUN))
    return path


class Loud:
    """Unpickling it leaves a file behind, which no test may find."""

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (Path("pwned"),)


def json_with(files: Files, name: str, **changes: object) -> Files:
    """Some values of a JSON file are others."""
    return {**files, name: json.dumps({**json.loads(files[name]), **changes}).encode()}


def without(files: Files, *names: str) -> Files:
    return {name: content for name, content in files.items() if name not in names}


def table(**columns: pa.Array) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, compression="zstd")
    return target.getvalue()


def tensors(header: object, data: bytes = b"") -> bytes:
    """A safetensors file with that header."""
    said = json.dumps(header).encode()
    return len(said).to_bytes(8, "little") + said + data


def special(path: Path, name: str, mode: int, content: bytes = b"/etc/passwd") -> Path:
    """A zip with an entry of another kind than a file, such as a link."""
    with zipfile.ZipFile(path, "w") as packed:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        packed.writestr(info, content)
    return path


def named(path: Path, *names: str) -> Path:
    """A zip with empty entries of these names."""
    with zipfile.ZipFile(path, "w") as packed:
        for name in names:
            packed.writestr(name, b"")
    return path


HUGE = 20 * 2**20
#: What a zip may hold in place of a run's files, and the words it is refused with.
WRONG_FILES: dict[str, tuple[Callable[[Files], Files], str]] = {
    "no result": (lambda files: without(files, "result.json"), "lacks result.json"),
    "no adapter": (lambda files: without(files, "adapter/adapter_model.safetensors"), "lacks adapter/adapter_model"),
    "a result of another run": (lambda files: json_with(files, "result.json", run_id="x"), "that of another run"),
    "a result without scores": (lambda files: json_with(files, "result.json", metrics={}), "is damaged"),
    "a result that is no JSON": (lambda files: files | {"result.json": b"{" * 9}, "it is not JSON"),
    "a result too deep": (lambda files: files | {"result.json": b'{"a":' + b"[" * 100_000}, "it is not JSON"),
    "an unknown setting": (lambda files: json_with(files, "config.json", shell="rm"), "is no setting"),
    "a pickle for an adapter": (
        lambda files: files | {"adapter/adapter_model.safetensors": pickle.dumps(Loud())},
        "no safetensors file",
    ),
    "a header without an end": (
        lambda files: files | {"baseline_heads.safetensors": b"\xff" * 64},
        "no safetensors file",
    ),
    "tensors beyond the file": (
        lambda files: (
            files
            | {
                "baseline_heads.safetensors": tensors(
                    {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
                )
            }
        ),
        "no safetensors file",
    ),
    "tensors of another type": (
        lambda files: (
            files
            | {
                "baseline_heads.safetensors": tensors(
                    {"a": {"dtype": "BOOL", "shape": [1], "data_offsets": [0, 1]}}, b"\x01"
                )
            }
        ),
        "no safetensors file",
    ),
    "an adapter's pattern": (
        lambda files: json_with(files, "adapter/adapter_config.json", target_modules="(a+)+$"),
        "target_modules",
    ),
    "an adapter's layers by pattern": (
        lambda files: json_with(files, "adapter/adapter_config.json", rank_pattern={"(a+)+$": 999}),
        "rank_pattern",
    ),
    "an adapter that starts a program": (
        lambda files: json_with(files, "adapter/adapter_config.json", megatron_core="os"),
        "megatron_core",
    ),
    "an adapter with code": (
        lambda files: json_with(
            files, "adapter/adapter_config.json", auto_mapping={"parent_library": "os", "base_model_class": "system"}
        ),
        "auto_mapping",
    ),
    "an adapter of another rank": (lambda files: json_with(files, "adapter/adapter_config.json", r=10**9), "'r'"),
    "an adapter of another kind": (
        lambda files: json_with(files, "adapter/adapter_config.json", peft_type="PROMPT_TUNING"),
        "peft_type",
    ),
    "a tokenizer with code": (
        lambda files: json_with(
            files, "adapter/tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]}
        ),
        "none of a BERT",
    ),
    "a tokenizer of a file here": (
        lambda files: json_with(files, "adapter/tokenizer_config.json", vocab_file="/etc/passwd"),
        "none of a BERT",
    ),
    "a tokenizer that searches": (
        lambda files: json_with(
            files,
            "adapter/tokenizer.json",
            pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed", "invert": False},
        ),
        "none of a BERT",
    ),
    "answers that are texts": (
        lambda files: files | {"predictions.parquet": table(idx=pa.array(["a" * 1000] * 50))},
        "answers in that zip",
    ),
    "answers without an end": (
        lambda files: files | {"predictions.parquet": table(idx=pa.array([0] * 300_000))},
        "answers in that zip",
    ),
    "answers that are no table": (lambda files: files | {"predictions.parquet": b"PAR1"}, "answers in that zip"),
    "a file that was changed": (lambda files: files | {"environment.json": b"{}"}, "is not what was packed"),
    "a file that grows": (lambda files: files | {"events.jsonl": bytes(HUGE)}, "unpacks to far more"),
}
#: Zips that are refused before anything is unpacked.
WRONG_ZIPS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a step upwards": (lambda path: named(path, f"{RUN.id}/../../evil"), "leads out of its folder"),
    "a name from the root": (lambda path: named(path, "/etc/evil"), "leads out of its folder"),
    "a backslash": (lambda path: named(path, f"{RUN.id}\\..\\evil"), "leads out of its folder"),
    "a drive": (lambda path: named(path, "C:/evil"), "leads out of its folder"),
    "a link": (lambda path: special(path, f"{RUN.id}/config.json", stat.S_IFLNK | 0o777), "holds a link"),
    "a device": (lambda path: special(path, f"{RUN.id}/config.json", stat.S_IFCHR | 0o666), "holds a link or a device"),
    "many files": (lambda path: named(path, *(f"{RUN.id}/{number}" for number in range(300))), "300 files"),
    "two folders": (lambda path: named(path, "a/config.json", "b/config.json"), "one folder"),
    "no folder": (lambda path: named(path, "config.json"), "one folder"),
    "nothing": (lambda path: named(path), "one folder"),
    "the folder of uploads": (lambda path: named(path, "uploads/config.json"), "one folder"),
    "a hidden folder": (lambda path: named(path, ".new-1/config.json"), "one folder"),
}
