"""Tables as CSV that a spreadsheet can open without running anything."""

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | float | int | None
#: A cell that begins with one of these may be taken for a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Headers and rows as CSV (RFC 4180); text that a spreadsheet would take for a formula gets an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file)
    for row in (headers, *rows):
        writer.writerow([_harmless(cell) for cell in row])
    return file.getvalue()


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell
