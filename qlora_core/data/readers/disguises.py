"""Files that are something else than their ending says, told by how they begin."""

from typing import NamedTuple

from qlora_core.data.readers.table import Source
from qlora_core.errors import DataError
from qlora_core.language import N_, Message

#: As much as has to be seen of a file to know what it is.
HEAD_BYTES = 4096


class Disguise(NamedTuple):
    """Something that is no file of pairs."""

    beginning: bytes  #: in lower case, without blanks
    contains: bytes  #: in the first bytes, in lower case
    what: str  #: as it follows "x.csv is "
    remedy: str


_PAGE = (N_("a web page, perhaps a sign-in page"), N_("Download the file itself."))
_WORKBOOK = (N_("an Excel workbook"), N_("Save it in Excel as “CSV UTF-8”."))
DISGUISES = (
    Disguise(
        b"versionhttps://git-lfs",
        b"",
        N_("a Git LFS pointer, not the file that it stands for"),
        N_("Run “git lfs pull” in its repository, or download the file itself."),
    ),
    Disguise(b"<!doctypehtml", b"", *_PAGE),
    Disguise(b"<html", b"", *_PAGE),
    Disguise(b"<?xml", b"", N_("XML"), N_("Save it as CSV.")),
    Disguise(b"pk\x03\x04", b"[content_types].xml", *_WORKBOOK),
    Disguise(b"pk\x03\x04", b"xl/", *_WORKBOOK),
    Disguise(b"\xd0\xcf\x11\xe0", b"", *_WORKBOOK),
    Disguise(b"pk\x03\x04", b"", N_("a zip archive"), N_("Unpack it and give the file that is in it.")),
    Disguise(b"\x1f\x8b", b"", N_("compressed with gzip"), N_("Unpack it first.")),
    Disguise(b"\x28\xb5\x2f\xfd", b"", N_("compressed with zstd"), N_("Unpack it first.")),
    Disguise(b"bzh", b"1ay&sy", N_("compressed with bzip2"), N_("Unpack it first.")),
    Disguise(b"\xfd7zxz", b"", N_("compressed with xz"), N_("Unpack it first.")),
    Disguise(b"%pdf", b"", N_("a PDF"), N_("Save the table that is in it as CSV.")),
)
_PARQUET = Disguise(b"par1", b"", N_("a parquet file"), N_("Let its name end in .parquet."))
_JSON_LIST = Disguise(b"[{", b"", N_("one JSON list"), N_("Write one object a line."))
_JSONL = Disguise(
    b'{"', b"", N_("JSON, not lines of fields"), N_("Let its name end in .jsonl, with one object a line.")
)
#: What is told of files with some endings alone.
BY_ENDING = {
    ".csv": (_PARQUET, _JSONL, _JSON_LIST),
    ".tsv": (_PARQUET, _JSONL, _JSON_LIST),
    ".jsonl": (_PARQUET, _JSON_LIST),
    ".parquet": (),
}


def check_disguise(source: Source) -> None:
    """Look at a file's first bytes.

    Raises:
        DataError: it is something else than its ending says; the message says what, and what to do.
    """
    head = source.file.read(HEAD_BYTES).lower()
    source.file.seek(0)
    start = b"".join(head.removeprefix(b"\xef\xbb\xbf").split())
    for disguise in (*DISGUISES, *BY_ENDING[source.path.suffix.lower()]):
        if start.startswith(disguise.beginning) and disguise.contains in start:
            what, remedy = Message(disguise.what), Message(disguise.remedy)
            raise DataError(N_("{file} is {what}. {remedy}"), file=source.name, what=what, remedy=remedy)
