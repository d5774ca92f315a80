"""A language in which every text of the program can be told from all others: its letters are the full-width ones.

Whatever a visitor would read in ASCII letters then has gone past the catalogue, or is no word: see ``unmarked``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from qlora_core import language
from qlora_core.assets import ASSETS
from qlora_core.choices import BERT_LINEAR_LAYERS, COMPUTE_DTYPES, SCHEMES
from qlora_core.config import SETTINGS
from qlora_core.data.catalog import DATASETS
from qlora_core.data.formats import FORMATS
from qlora_core.data.phenomena import PHENOMENA
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.presets import PRESETS

ROOT = ASSETS.parent
CODE = "de"  #: the language whose catalogue is replaced
#: What stays as it is: what the program fills in, elements, character references, code, addresses.
KEPT = re.compile(r"(\{\w*\}|<[^>]*>|&#?\w+;|`[^`]*`|https?://\S+)")
WIDE = {code: code + 0xFEE0 for code in (*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1))}
#: Words as this program has them, and not as others write theirs: three letters or more.
WORD = re.compile(r"[A-Za-z]{3,}")

_TABLES = (BASE_MODELS, SCHEMES, COMPUTE_DTYPES, PRESETS, PHENOMENA, DATASETS)
_CALLED = [
    *SETTINGS,
    *BERT_LINEAR_LAYERS,
    *(name for table in _TABLES for name in table),
    *(part for model in BASE_MODELS.values() for part in (model.hub_id, model.licence)),
    *(kind.label for kind in FORMATS.values()),
    *(one.name for one in language.LANGUAGES.values()),
    *("MCC", "ECE", "SHA", "idx", "November", "LoRA", "QLoRA", "MiniLM-L6"),
    *("AMD EPYC", "cpu", "torch", "transformers", "peft", "bitsandbytes", "sentence-transformers"),
]
#: What is called the same in every language: settings, what they may be, measures, kinds of files; the longest first.
NAMES = re.compile(rf"(?<![A-Za-z])({'|'.join(map(re.escape, sorted(_CALLED, key=len, reverse=True)))})(?![A-Za-z])")


def marked(text: str) -> str:
    """A text of the program in full-width letters."""
    return "".join(part if KEPT.fullmatch(part) else part.translate(WIDE) for part in KEPT.split(text))


#: Elements that are not read, and attributes that are.
SILENT = re.compile(r"<(code|svg|option)\b.*?</\1>", re.DOTALL)
ATTRIBUTES = re.compile(r"""<[^>]*?\b(aria-label|title|alt|placeholder)="([^"]*)"[^>]*>""")


def is_ours(folder: str) -> bool:
    """Whether texts are collected in a folder."""
    return Path(folder).relative_to(ROOT).parts[:1] in ((), ("qlora_core",), ("assets",))


@cache
def marked_catalogue() -> Catalog:
    """Every text that can be collected from the sources, marked."""
    catalog = Catalog(locale=CODE)
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, directory_filter=is_ours)
    for name, line, message, _comments, _context in found:
        forms = tuple(map(marked, message)) if isinstance(message, tuple) else marked(message)
        catalog.add(message, forms, locations=[(name, line)])
    return catalog


@contextmanager
def every_text_marked() -> Iterator[None]:
    """Inside, the language ``CODE`` has every text marked; outside, it is itself again."""
    caches: tuple[Any, ...] = (language.catalogue, language.script_texts)
    for each in caches:
        each.cache_clear()
    with patch.object(language, "messages", lambda code: marked_catalogue() if code == CODE else Catalog()):
        yield
    for each in caches:
        each.cache_clear()


def unmarked(text: str) -> list[str]:
    """The words of a text, Markdown or HTML, that no catalogue was asked for; names are none."""
    read = ATTRIBUTES.sub(lambda found: f" {found[2]} ", SILENT.sub(" ", text))
    return WORD.findall(NAMES.sub(" ", re.sub(r"<[^>]*>|&#?\w+;|`[^`]*`", " ", read)))
