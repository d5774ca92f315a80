"""Text that visitors named, made harmless where the page shows Markdown."""

import re

MAX_CHARACTERS = 200


def plain(text: object, limit: int = MAX_CHARACTERS) -> str:
    """``text`` on one line, such that Markdown shows it as it is: no markup, no link, no HTML, no table cell.

    Everything but letters, digits and spaces becomes a character reference, which CommonMark (0.31, section 2.5) never
    takes for markup. What does not print, such as marks that turn the writing direction, is left out.
    """
    line = " ".join("".join(character if character.isprintable() else " " for character in str(text)).split())
    short = line if len(line) <= limit else line[: limit - 1] + "…"
    return re.sub(r"[^\w ]|_", lambda match: f"&#{ord(match.group())};", short)
