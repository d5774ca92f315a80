"""What nobody asks who uses the page, and what no answer may tell."""

from typing import Any

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    1e308,
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "<script>alert(1)</script>",
    "${7*7}{{7*7}}",
    "\u0000\U0001f600 العربية",
    "x" * 50_000,
    [],
    [[["deep"]]],
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"__class__": "os.system"},
]
LEAKS = ("Traceback", 'File "', "site-packages", "/etc/", "qlora_core/", ".py", "pydantic")


def leaks(text: str, *secrets: str) -> list[str]:
    """What an answer tells of the machine or the program's insides; a name that was sent may come back."""
    return [leak for leak in (*LEAKS, *secrets) if leak in text.replace("/etc/passwd", "")]


def short(value: object) -> str:
    """A hostile value as a test's name."""
    return repr(value)[:30]
