"""The catalogues are whole: every text of the page in every language, with all that the program fills in."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

import qlora_core
from qlora_core.language import ENGLISH, FOLDER, LANGUAGES, messages

OTHERS = [code for code in LANGUAGES if code != ENGLISH]
#: What a program fills in, what a browser reads as an element, and what Markdown reads as a mark.
MARKS = re.compile(r"\{\w*\}|</?\w+|&\w+;|\*\*|`[^`]*`|^#+ ", re.MULTILINE)


def template() -> Catalog:
    with (FOLDER / "messages.pot").open("rb") as file:
        return read_po(file)


def texts(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or [""])


def marks(text: str) -> Counter[str]:
    return Counter(MARKS.findall(text))


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated(code: str) -> None:
    catalog = messages(code)
    missing = [
        message.id
        for message in texts(template())
        if (found := catalog.get(message.id)) is None or not all(forms(found.string)) or found.fuzzy
    ]
    assert not missing


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_filled_in_and_what_is_markup_stays(code: str) -> None:
    changed = []
    for message in texts(messages(code)):
        originals = [marks(each) for each in forms(message.id)]
        for form in filter(None, forms(message.string)):
            # "one pair" may be written without its number
            allowed = [*originals, *(each - Counter({"{n}": 1}) for each in originals[1:])]
            if marks(form) not in allowed:
                changed.append((message.id, form))
    assert not changed


@pytest.mark.parametrize("code", OTHERS)
def test_plural_forms_are_as_many_as_the_language_has(code: str) -> None:
    catalog = messages(code)
    plurals = [message for message in texts(catalog) if isinstance(message.id, tuple)]
    assert plurals
    assert {len(forms(message.string)) for message in plurals} == {catalog.num_plurals}


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_left_that_the_page_no_longer_has(code: str) -> None:
    known = {message.id for message in texts(template())}
    assert {message.id for message in texts(messages(code))} <= known


SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def own(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a scope, without the scopes within it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, SCOPES):
            yield from own(child)


def binds_underscore(scope: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == "_")
        for node in own(scope)
    )


def asks_for_words(scope: ast.AST) -> bool:
    calls = (node.func for node in ast.walk(scope) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == "_" for function in calls)


def test_what_is_thrown_away_does_not_hide_the_translation() -> None:
    """`for _ in pairs: print(_("a pair"))` would call what it threw away."""
    hidden = [
        f"{path.name}:{node.lineno}"
        for path in Path(qlora_core.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, SCOPES) and binds_underscore(node) and asks_for_words(node)
    ]
    assert not hidden
