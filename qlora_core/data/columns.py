"""Which columns of a file are the two sentences and the label."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from qlora_core.data.readers.table import printable
from qlora_core.errors import DataError
from qlora_core.language import N_, Message


class Columns(NamedTuple):
    """Names of columns."""

    sentence1: str
    sentence2: str
    label: str = ""  #: "" where none is read

    @property
    def named(self) -> tuple[str, ...]:
        """All of them that there are."""
        return tuple(name for name in self if name)


#: What well-known files of paraphrases call them, in the order in which they are looked for. Those of entailment
#: (premise and hypothesis; question and sentence) have to be named: their 0 is as a rule what is nearer to "the same".
KNOWN_COLUMNS = (
    Columns("sentence1", "sentence2", "label"),  # GLUE: MRPC, RTE, WNLI; PAWS
    Columns("#1 String", "#2 String", "Quality"),  # MRPC as Microsoft published it
    Columns("question1", "question2", "is_duplicate"),  # QQP as Quora published it
    Columns("question1", "question2", "label"),  # QQP on the hub
)
#: Columns that are kept where a file has them.
EXTRAS = ("idx", "phenomenon")
MISSING = N_(
    "{file} has no column {missing}. Its columns are: {found}; name those to take as FIRST,SECOND,LABEL under "
    '"Columns" (--columns).'
)


def take_columns(file: str, names: Sequence[str], wanted: Columns | None, *, labels: bool) -> Columns:
    """The columns to read, as the file spells them; upper and lower case and blanks around a name are alike.

    Args:
        file: what messages call it.
        wanted: names to look for in place of the known ones.

    Raises:
        DataError: a column is missing, or two have its name.
    """
    if wanted and not all(wanted if labels else wanted[:2]):
        raise DataError(N_("Two sentences and a label are three columns. Name them as FIRST,SECOND,LABEL."))
    spelled = _by_plain_name(names)
    choices = [_needed(columns, labels) for columns in ((wanted,) if wanted else KNOWN_COLUMNS)]
    found = next((needed for needed in choices if all(plain(name) in spelled for name in needed.named)), None)
    if found is None:
        nearest = min(choices, key=lambda needed: len(_missing(needed, spelled)))
        raise DataError(_missing_words(file, _missing(nearest, spelled), names))
    return Columns(*(_only(file, name, spelled[plain(name)]) for name in found.named))


def take_extras(file: str, names: Sequence[str]) -> dict[str, str]:
    """Those of ``EXTRAS`` that the file has, and how it spells them.

    Raises:
        DataError: two columns have the name of one.
    """
    spelled = _by_plain_name(names)
    return {name: _only(file, name, spelled[name]) for name in EXTRAS if name in spelled}


def plain(name: str) -> str:
    """A name as it is compared."""
    return " ".join(name.split()).casefold()


def _by_plain_name(names: Sequence[str]) -> dict[str, list[str]]:
    spelled = defaultdict(list)
    for name in names:
        spelled[plain(name)].append(name)
    return dict(spelled)


def _needed(columns: Columns, labels: bool) -> Columns:
    return columns if labels else columns._replace(label="")


def _missing(needed: Columns, spelled: dict[str, list[str]]) -> list[str]:
    return [name for name in needed.named if plain(name) not in spelled]


def _only(file: str, name: str, spellings: list[str]) -> str:
    """The one column of a name; the one that is spelled exactly so where others differ in case."""
    exact = [spelling for spelling in spellings if spelling == name]
    if len(exact) == 1:
        return name
    if len(spellings) > 1:
        raise DataError(
            N_("{file} has {n} columns called {name}, and only one can be meant. Rename or remove the others."),
            file=file,
            n=len(spellings),
            name=printable(name),
        )
    return spellings[0]


def _missing_words(file: str, missing: list[str], names: Sequence[str]) -> Message:
    wanted, found = (", ".join(map(printable, some)) for some in (missing, names[:12]))
    return Message(MISSING, {"file": file, "missing": wanted, "found": found or Message(N_("none"))})
