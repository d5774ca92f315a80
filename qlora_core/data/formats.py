"""The kinds of files that pairs are read from, by their endings. ``data.files`` has a reader for each."""

from dataclasses import dataclass
from pathlib import Path

from qlora_core.choices import Choice, either, table
from qlora_core.errors import DataError
from qlora_core.language import N_


@dataclass(frozen=True)
class FileFormat(Choice):
    """A kind of file; its name is the ending."""

    delimiter: str = ""  #: between the fields of a line, where a line has fields


FORMATS = table(
    FileFormat(".csv", "CSV", N_("lines of fields with commas between them"), ","),
    FileFormat(".tsv", "TSV", N_("lines of fields with tabs between them"), "\t"),
    FileFormat(".jsonl", "JSONL", N_("a JSON object a line")),
    FileFormat(".parquet", "parquet", N_("a table as Apache Parquet stores it")),
)
#: "CSV, TSV, JSONL or parquet"
ANY_FORMAT = either(kind.label for kind in FORMATS.values())


def format_of(path: Path) -> FileFormat:
    """The kind of file that ``path`` is by its ending; nothing is read.

    Raises:
        DataError: files of this ending are not read.
    """
    if (kind := FORMATS.get(path.suffix.lower())) is None:
        raise DataError(N_("A file of pairs ends in one of {endings}."), endings=", ".join(FORMATS))
    return kind
