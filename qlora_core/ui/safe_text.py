"""Text that is not the program's own, made harmless: names and cells of files, what a request or a run's folder holds.

``one_line`` is for places that show text as it is: cells, labels, titles, an element's ``textContent``. ``plain`` is
for Markdown. Whatever shows such text takes it from one of the two.
"""

import re
from collections.abc import Iterable

from qlora_core.errors import QLoRAError

Cell = str | float | None
MAX_CHARACTERS = 200
MAX_NAME = 60  #: of a base model, a dataset or a layer in a list
MAX_MESSAGE = 600  #: of what went wrong
MAX_CELL = 5_001  #: of a sentence in a table: one more than may be asked of a model, so that none is cut unnoticed
#: Characters that do not print and belong to words of some scripts: they join letters, or keep them apart.
JOINERS = "\u200c\u200d"


def one_line(text: object, limit: int = MAX_CHARACTERS) -> str:
    """``text``, or what an error says, on one line of at most ``limit`` characters.

    What does not print, such as marks that turn the writing direction, is left out.
    """
    whole = text.said() if isinstance(text, QLoRAError) else str(text)
    part = whole[: 4 * limit]  # looked at; most of it may be blanks
    line = " ".join("".join(one if one.isprintable() or one in JOINERS else " " for one in part).split())
    return line if len(line) <= limit and len(part) == len(whole) else line[: limit - 1] + "…"


def plain(text: object, limit: int = MAX_CHARACTERS) -> str:
    """``text`` on one line, such that Markdown shows it as it is: no markup, no link, no HTML, no table cell.

    Everything but letters, digits and spaces becomes a character reference, which CommonMark (0.31, section 2.5) never
    takes for markup.
    """
    return re.sub(r"[^\w ]|_", lambda match: f"&#{ord(match.group())};", one_line(text, limit))


def one_line_cells(rows: Iterable[Iterable[Cell]], limit: int) -> list[list[Cell]]:
    """Rows of a table whose texts are on one line each; numbers are left as they are."""
    return [[one_line(cell, limit) if isinstance(cell, str) else cell for cell in row] for row in rows]
