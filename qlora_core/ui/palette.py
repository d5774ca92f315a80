"""Colours, each with one meaning, defined once for the page and for the figures.

The colours of models and labels read on a light and on a dark ground alike (at least 3 to 1 against both), and stay
apart for colour-blind eyes; wherever one is used, a word, a dash or a pattern says the same.
"""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Ground:
    """What the page itself is made of."""

    page: str
    card: str
    ink: str
    muted: str
    line: str
    link: str
    button: str
    danger: str


LIGHT = Ground(
    page="#f7f6f2",
    card="#ffffff",
    ink="#1c2330",
    muted="#565f6e",
    line="#dcd9d1",
    link="#1c5bb8",
    button="#1f5fbf",
    danger="#b3261e",
)
DARK = Ground(
    page="#10141b",
    card="#191f29",
    ink="#e9ebef",
    muted="#a9b2c0",
    line="#323b4a",
    link="#86b4ff",
    button="#2f6fd0",
    danger="#ff9b91",
)

ACCENT = "#2f7be0"
MAJORITY, UNTRAINED_HEAD, LINEAR_PROBE = "#9a9fa8", "#7b828e", "#66758f"
SAME, DIFFERENT = "#12936a", "#d0661d"
SECOND = "#a8659c"  #: a second run beside the first, or the one that it started from


@dataclass(frozen=True)
class Look:
    """How a model's bars and lines are drawn."""

    colour: str
    pattern: str = ""  #: of its bar


#: By the names of ``answerers.ANSWERERS``.
ANSWERER_LOOKS = {
    "majority": Look(MAJORITY),
    "untrained_head_unquantized": Look(UNTRAINED_HEAD, "."),
    "untrained_head": Look(UNTRAINED_HEAD),
    "linear_probe": Look(LINEAR_PROBE),
    "started_from": Look(SECOND),
    "finetuned": Look(ACCENT),
    "reloaded": Look(ACCENT, "/"),
}


def css_variables() -> str:
    """The palette as CSS custom properties, for light and for dark."""
    shared = {
        "accent": ACCENT,
        "majority": MAJORITY,
        "untrained-head": UNTRAINED_HEAD,
        "linear-probe": LINEAR_PROBE,
        "started-from": SECOND,
        "same": SAME,
        "different": DIFFERENT,
        "second": SECOND,
    }
    return f":root {{ {_properties(asdict(LIGHT) | shared)} }}\n.dark {{ {_properties(asdict(DARK))} }}"


def _properties(colours: dict[str, str]) -> str:
    return " ".join(f"--q-{name}: {value};" for name, value in colours.items())
