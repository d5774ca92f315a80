"""The language that words are read in: a visitor's for each request, English everywhere else.

Every text is written in English, in full sentences, and looked up by that where it is shown: ``gettext`` translates,
``ngettext`` chooses a plural form, ``N_`` marks a text of a table for the catalogue and leaves it as it is. What varies
stands in braces and is put in afterwards: ``gettext("{n} pairs").format(n=n)``. The catalogues are gettext's, one a
language, in ``qlora_core/locale/``; they are read as they stand, so that nothing has to be compiled.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol, get_group_symbol
from babel.support import NullTranslations, Translations
from pydantic import TypeAdapter

FOLDER = Path(__file__).parent / "locale"
T = TypeVar("T")
ENGLISH = "en"
PLACE = re.compile(r"\{(\w+)\}")  #: where something is put into a text


@dataclass(frozen=True)
class Language:
    """A language that the page can be read in."""

    name: str  #: what it calls itself
    tag: str  #: as BCP 47 has it, for browsers


#: By the codes that addresses and the catalogues' folders have.
LANGUAGES = {
    ENGLISH: Language("English", "en"),
    "de": Language("Deutsch", "de"),
    "es": Language("Español", "es"),
    "fr": Language("Français", "fr"),
    "pt": Language("Português", "pt"),
    "zh": Language("中文", "zh-CN"),
}
_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


def current() -> str:
    """The code of the language that is spoken in this context."""
    return _current.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Everything that is called inside, also in threads that are given this context, speaks a language."""
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


def catalogue_path(code: str) -> Path:
    """Where the texts of a language stand."""
    return FOLDER / code / "LC_MESSAGES" / "messages.po"


@cache
def messages(code: str) -> Catalog:
    """A language's catalogue as it stands; English has none."""
    if code == ENGLISH or not catalogue_path(code).exists():
        return Catalog()
    with catalogue_path(code).open("rb") as file:
        return read_po(file, locale=code)


@cache
def catalogue(code: str) -> NullTranslations:
    """A language's texts, to look them up."""
    compiled = BytesIO()
    write_mo(compiled, messages(code))
    compiled.seek(0)
    return Translations(compiled)


@cache
def script_texts(code: str) -> dict[str, str | list[str]]:
    """The texts that the page's scripts look up, a list of forms where there are several."""
    found: dict[str, str | list[str]] = {}
    for message in messages(code):
        if any(file.endswith(".js") for file, _ in message.locations) and message.string:
            name = message.id if isinstance(message.id, str) else message.id[0]
            found[name] = message.string if isinstance(message.string, str) else list(message.string)
    return found


def N_(text: str) -> str:
    """The same text; marks it for the catalogue where it is only looked up later."""
    return text


def gettext(text: str) -> str:
    """A text in the language of this context; as it is where the catalogue does not have it."""
    return str(catalogue(current()).gettext(text)) if text else ""


def ngettext(one: str, many: str, n: int) -> str:
    """The form for ``n`` things; ``{n}`` in it still has to be put in."""
    return str(catalogue(current()).ngettext(one, many, n))


def number(value: float, form: str) -> str:
    """A number in one of Python's forms (".3f", ",", ".1%"), with this language's point, comma and per cent sign."""
    locale, text = Locale.parse(current()), format(value, form)
    signs: dict[str, str | int | None] = {".": get_decimal_symbol(locale), ",": get_group_symbol(locale)}
    if text.endswith("%"):
        signs["%"] = str(locale.percent_formats[None].pattern).lstrip("#,0.")
    return text.translate(str.maketrans(signs))


def date(day: datetime) -> str:
    """A day, as the language writes it in a sentence: the day of the month, then its name and the year in English."""
    return format_date(day, "d MMMM y" if current() == ENGLISH else "long", locale=current())


def separators() -> str:
    """This language's decimal and group symbols, as plotly takes them."""
    locale = Locale.parse(current())
    return get_decimal_symbol(locale) + get_group_symbol(locale)


@dataclass(frozen=True)
class Figure:
    """A number in a message, in one of Python's forms."""

    value: int | float
    form: str = ","

    def said(self) -> str:
        """As the language of this context writes it."""
        return number(self.value, self.form)


@dataclass(frozen=True)
class Message:
    """A text and what is to be put in, which is said in the language of whoever reads it.

    Whatever stands in ``values`` is put in as it is: its own braces mean nothing.
    """

    text: str
    values: "Mapping[str, str | int | Figure | Message]" = field(default_factory=dict)

    def said(self) -> str:
        """In the language of this context."""

        def put_in(place: re.Match[str]) -> str:
            value = self.values.get(place[1], place[0])
            return value.said() if isinstance(value, Figure | Message) else str(value)

        return PLACE.sub(put_in, gettext(self.text))

    def in_english(self) -> str:
        """For logs, the command line and files."""
        with speaking(ENGLISH):
            return self.said()

    def __str__(self) -> str:
        return self.in_english()

    def writable(self) -> "Message":
        """The same without what no file can hold, such as parts of some files' names, which are no text."""

        def fit(value: "str | int | Figure | Message") -> "str | int | Figure | Message":
            if isinstance(value, Message):
                return value.writable()
            return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

        return Message(str(fit(self.text)), {name: fit(value) for name, value in self.values.items()})


#: Reads and writes a message as JSON, for another process.
MESSAGE = TypeAdapter(Message)


def translated(*names: str) -> Callable[[type[T]], type[T]]:
    """Has these fields of a dataclass, which hold texts in English, read in the language of whoever reads them."""

    def decorated(kind: type[T]) -> type[T]:
        for name in names:
            setattr(kind, name, _Text(name))
        return kind

    return decorated


class _Text:
    """A field of a dataclass that is translated when it is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object | None, owner: type) -> Any:
        """The text; of the class itself, what tells ``dataclasses.replace`` and the like that there is none."""
        return self if instance is None else gettext(instance.__dict__[self._name])

    def __set__(self, instance: object, text: str) -> None:
        instance.__dict__[self._name] = text


def duration(seconds: float) -> str:
    """A time of seconds or minutes."""
    if seconds < 90:
        return gettext("{seconds} s").format(seconds=number(seconds, ".0f"))
    return gettext("{minutes} min").format(minutes=number(seconds / 60, ".1f"))
