"""A zip that comes from somewhere: looked at before anything of it is unpacked, and unpacked within bounds."""

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qlora_core.errors import ArchiveError
from qlora_core.language import N_, Figure
from qlora_core.store.packed.layout import Bounds

CHUNK_BYTES = 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
#: What macOS puts beside the files when it makes a zip.
LITTER = re.compile(r"__MACOSX/.*|(.*/)?\.DS_Store|(.*/)?\._[^/]*")
#: A drive's letter, a step upwards, a name from the root, a backslash, or what does not print.
HARMFUL = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//|[\\\x00-\x1f\x7f]")
NO_ZIP = N_("That file is no zip, or it is damaged. Take the run home once more, then bring the new file.")
#: What reading a damaged zip raises.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)


class ForeignZip:
    """The files of a zip, by name, once it is clear that all of them can be unpacked without harm."""

    def __init__(self, opened: zipfile.ZipFile, bounds: Bounds) -> None:
        self._zip = opened
        infos = [info for info in opened.infolist() if not LITTER.fullmatch(info.filename)]
        if len(infos) > bounds.entries:
            raise ArchiveError(
                N_("That zip holds {n} files; a run has at most {most}."),
                n=Figure(len(infos), ","),
                most=bounds.entries,
            )
        for info in infos:
            _check_entry(info, bounds.ratio)
        if sum(info.file_size for info in infos) > bounds.unpacked:
            raise ArchiveError(
                N_("That zip unpacks to more than {most} MB, as much as a run may take."), most=bounds.unpacked // 2**20
            )
        self._files = {info.filename: info for info in infos if not info.is_dir()}
        if len(self._files) < sum(not info.is_dir() for info in infos):
            raise ArchiveError(N_("That zip holds two files of one name. It is not one that this program made."))

    def __iter__(self) -> Iterator[str]:
        """The names of all files."""
        return iter(self._files)

    def size(self, name: str) -> int:
        """Bytes of a file once it is unpacked."""
        return self._files[name].file_size

    def unpack(self, name: str, path: Path) -> str:
        """Write a file to ``path``, in no more bytes than it was said to have; returns its SHA-256.

        Raises:
            ArchiveError: it is damaged.
            OSError: it cannot be written.
        """
        digest = hashlib.sha256()
        with path.open("xb") as target, _reading(), self._zip.open(self._files[name]) as source:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
        return digest.hexdigest()


@contextmanager
def foreign_zip(path: Path, bounds: Bounds) -> Iterator[ForeignZip]:
    """Open a zip for the length of a block.

    Raises:
        ArchiveError: it is none, is damaged, or holds what no run holds.
    """
    with _reading():
        opened = zipfile.ZipFile(path)
    with opened:
        yield ForeignZip(opened, bounds)


@contextmanager
def _reading() -> Iterator[None]:
    """While a zip is read: whatever is wrong with it is one plain error; a disk that is full is no fault of it."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ArchiveError(NO_ZIP) from error


def _check_entry(info: zipfile.ZipInfo, ratio: int) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if HARMFUL.search(info.filename) or HARMFUL.search(info.orig_filename):
        raise ArchiveError(
            N_("A file in that zip has a name that leads out of its folder. Nothing of it was unpacked.")
        )
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(N_("That zip holds a link or a device. Nothing of it was unpacked."))
    if info.flag_bits & ENCRYPTED or info.compress_type not in METHODS:
        raise ArchiveError(
            N_("That zip is packed in a way that this program does not read. Pack the run's folder anew.")
        )
    if info.file_size > max(info.compress_size, 1) * ratio and info.file_size > CHUNK_BYTES:
        raise ArchiveError(
            N_("A file in that zip unpacks to far more than a run's files do. Nothing of it was unpacked.")
        )
