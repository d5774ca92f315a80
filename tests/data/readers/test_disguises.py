"""Files that are something else than their ending says are told what they are, and what to do."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qlora_core.data.files import read_file
from qlora_core.errors import DataError

CSV = b"sentence1,sentence2,label\na,b,1\n"


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, CSV)
    return buffer.getvalue()


ANYWHERE = {
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
    "a web page": b"\n<!DOCTYPE html>\n<html><body>Sign in, please</body></html>\n",
    "an Excel workbook": zipped("[Content_Types].xml"),
    "a zip archive": zipped("pairs.csv"),
    "compressed with gzip": gzip.compress(CSV),
    "compressed with bzip2": bz2.compress(CSV),
    "compressed with xz": lzma.compress(CSV),
    "a PDF": b"%PDF-1.7\n",
}


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("what", ANYWHERE)
def test_what_has_another_ending_is_told(what: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    path.write_bytes(ANYWHERE[what])
    with pytest.raises(DataError, match=rf"^pairs\.{kind} is {what}.*\. [A-Z]"):
        read_file(path)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("pairs.csv", b'\xef\xbb\xbf{"sentence1": "a", "sentence2": "b", "label": 1}\n', "JSON, not lines of fields"),
        ("pairs.tsv", b'[\n {"sentence1": "a", "sentence2": "b", "label": 1}]\n', "one JSON list"),
        ("pairs.jsonl", b'[{"sentence1": "a", "sentence2": "b", "label": 1}]', "one JSON list"),
    ],
)
def test_json_in_another_form_is_told(name: str, content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"^{name} is {what}\. "):
        read_file(tmp_path / name)


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv", "pairs.jsonl"])
def test_parquet_with_another_ending_is_told(name: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"sentence1": ["a"]}), tmp_path / name)
    with pytest.raises(DataError, match=r" is a parquet file\. Let its name end in \.parquet\.$"):
        read_file(tmp_path / name)


@pytest.mark.parametrize("first", ["[a]", "{a}", "version", "PK", "BZh", "<b>"])
def test_a_column_may_be_called_as_such_files_begin(first: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(f"{first},sentence1,sentence2,label\nx,a,b,1\n", encoding="utf-8")
    assert len(read_file(tmp_path / "pairs.csv").pairs) == 1
