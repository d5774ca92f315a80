"""Whatever a visitor can be refused with, and however a run can end, is said in their language.

Sources are read for every error that they make, because few of them can be brought about here.
"""

import ast
import errno
import inspect
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import qlora_core
from qlora_core.config import SETTINGS, load_config, make_config
from qlora_core.errors import ConfigError, DivergedError, QLoRAError, RunError
from qlora_core.language import N_, Message, gettext, speaking
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.store.status import ENDED
from qlora_core.training.run_process import explain
from tests.marked import CODE, every_text_marked, marked_catalogue, unmarked

PACKAGE = Path(qlora_core.__path__[0])
#: What the command line, or whoever starts a server, is told and no visitor.
OWNERS = ("cli", "settings", "__main__")
#: Functions that make an error of what they are given, or say something to owners alone, and why that is right.
EXCEPTIONS = {
    "data.sources._check_labels": "one of two texts that are marked where they stand",
    "export.hub.refusals._of_status": "one of the texts that are marked above it",
    "server.estimates._failure": "what another process said, as it was said there",
    "server.rate_limit.take": "its refusal is marked where the limits are set",
    "server.visitor_files.reader.look": "what an earlier look was refused with",
    "store.files.check_writable": "said to whoever starts a server",
    "ui.api.config_of": "said to programs, in English",
    "ui.classroom.endpoints._guess": "said to programs, in English",
    "ui.classroom.endpoints.judge": "said to programs, in English",
    "ui.opening.owners_choice": "said to whoever starts a server",
    "ui.web.address.check_address": "said to whoever starts a server",
}


def is_in(name: str, folders: tuple[str, ...]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


NAMES = [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in sorted(PACKAGE.rglob("*.py"))]
VISITED = [name for name in NAMES if not name.endswith("__init__") and not is_in(name, OWNERS)]


@dataclass(frozen=True)
class Said:
    """What a call says, in a module and a function of it."""

    what: ast.expr
    module: ModuleType
    function: ast.AST

    @property
    def place(self) -> str:
        name = self.module.__name__.removeprefix("qlora_core.")
        return f"{name}.{getattr(self.function, 'name', '')}".rstrip(".")

    def is_marked(self, node: ast.expr | None = None) -> bool:
        """Whether a catalogue has it: it is marked here, or something that is marked where it is made."""
        match node or self.what:
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_marked(body) and self.is_marked(orelse)
            case ast.Attribute(attr="message"):  # an error's own, looked at where that is made
                return True
            case ast.Call(func=function, args=args):
                made_by = self.found(function)
                if made_by is Message:
                    return self.is_marked(args[0])
                return made_by in (N_, gettext) or makes_a_message(made_by)  # looked at where it makes it
            case ast.Subscript(value=table):
                return all(text in collected() for text in (self.found(table) or {"": ""}).values())
            case ast.Name(id=name) if not hasattr(self.module, name):
                given = list(self.assigned(name))
                return bool(given) and all(map(self.is_marked, given))
            case other:
                found = self.found(other)
                return (found.text if isinstance(found, Message) else found) in collected()

    def found(self, node: ast.expr) -> Any:
        """What a name, or a name of a name, stands for; None where that is known only when it runs."""
        if isinstance(node, ast.Name):
            return getattr(self.module, node.id, None)
        return getattr(self.found(node.value), node.attr, None) if isinstance(node, ast.Attribute) else None

    def assigned(self, name: str) -> Iterator[ast.expr]:
        """What a variable of the function is set to."""
        for node in ast.walk(self.function):
            if isinstance(node, ast.Assign) and [name] == [getattr(target, "id", "") for target in node.targets]:
                yield node.value


def makes_a_message(function: object) -> bool:
    """Whether it makes a message, or a sentence of the page's own words, which it looks up."""
    if not inspect.isfunction(function):
        return False
    return inspect.signature(function).return_annotation is Message or function.__module__.startswith(
        "qlora_core.ui.words"
    )


@cache
def collected() -> set[object]:
    """Every text that a catalogue has."""
    return {message.id for message in marked_catalogue() if message.id}


def calls(tree: ast.AST, function: ast.AST) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Every call, and the function that it stands in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield node, function
        yield from calls(node, node if isinstance(node, ast.FunctionDef) else function)


def said_in(name: str) -> Iterator[Said]:
    """What the errors of a module say, and what it writes into a status when a run has ended."""
    module = import_module(f"qlora_core.{name}")
    tree = ast.parse(inspect.getsource(module))
    for call, function in calls(tree, tree):
        named = {each.arg: each.value for each in call.keywords}
        kind = Said(call.func, module, function).found(call.func)
        is_error = inspect.isclass(kind) and issubclass(kind, QLoRAError) and bool(call.args)
        if is_error or (kind is Message and isinstance(call.args[0], ast.Constant | ast.JoinedStr)):
            yield Said(call.args[0], module, function)
        elif getattr(call.func, "attr", "") == "end" and len(call.args) == 2:
            yield Said(call.args[1], module, function)
        elif getattr(named.get("state"), "value", "") in ENDED and "message" in named:
            yield Said(named["message"], module, function)


@pytest.mark.parametrize("name", VISITED)
def test_what_a_visitor_may_be_told_is_in_the_catalogue(name: str) -> None:
    said = [one for one in said_in(name) if one.place not in EXCEPTIONS]
    assert not [f"{one.place}:{one.what.lineno}: {ast.unparse(one.what)}" for one in said if not one.is_marked()]


def test_every_exception_is_one() -> None:
    modules = {place.rpartition(".")[0] for place in EXCEPTIONS}
    unmarked_places = {one.place for name in modules for one in said_in(name) if not one.is_marked()}
    assert unmarked_places == EXCEPTIONS.keys()


SOURCE = """
from qlora_core.errors import DataError, MemoryExhausted
from qlora_core.language import N_, Message
WORDS, OTHERS, TABLE = N_("Finished"), "No text of the page.", {"a": N_("Finished")}
def told() -> Message: ...
def say(run, reporter, error, key, value):
    kept = Message(N_("Finished"), {})
    other = f"No {value}"
    raise DataError(N_("Finished"))
    raise DataError(told())
    raise MemoryExhausted(WORDS if value else kept)
    raise DataError(TABLE[key])
    reporter.end("failed", error.message)
    raise DataError(f"No {value}")
    raise DataError(OTHERS)
    raise DataError(other)
    raise DataError(value)
    reporter.end("failed", str(error))
    run.set_status(state="stopped", message="No text.")
    raise DataError(N_("Finished"), value=Message(f"No {value}"))
    run.set_status(state="running", message="No text.")
"""


def test_what_goes_past_the_catalogue_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up.py").write_text(SOURCE)
    monkeypatch.setattr(qlora_core, "__path__", [*qlora_core.__path__, str(tmp_path)])
    said = list(said_in("made_up"))
    assert [one.is_marked() for one in said] == [True] * 5 + [False] * 6 + [True, False]
    assert said[0].place == "made_up.say"


@pytest.fixture
def marking() -> Iterator[None]:
    with every_text_marked(), speaking(CODE):
        yield


def words_of(said: str) -> list[str]:
    """Those that no catalogue was asked for, but for what somebody wrote, which is quoted."""
    return unmarked(re.sub(r"'[^']*'", " ", said))


#: Of every kind that a value may be, and of some that it may not.
VALUES: list[object] = [None, "", "x", "x" * 5000, "9" * 5000, "\ud800", 0, -1, 5, 1.5, 10**9, 10**30, True, math.nan]
VALUES += [[], {}, ["x", "x"], ["x"] * 20, ["a b"], ["\ud800"], ("a", "b"), ("a", "b", "c", "d")]


@pytest.mark.parametrize("name", [*SETTINGS, "unknown"])
def test_what_is_wrong_with_a_setting_is_said_in_the_language(name: str, marking: None) -> None:
    del marking
    refused = []
    for value in VALUES:
        try:
            load_config({name: value})
        except ConfigError as error:
            refused.append(error.said().replace("unknown", ""))
    assert refused
    assert not [words for said in refused if (words := words_of(said))]


def test_settings_that_contradict_each_other_are_said_in_the_language(marking: None) -> None:
    del marking
    for changes in (
        {"quantization": "none", "bnb_4bit_compute_dtype": "float16"},
        {"target_modules": ("query", "query")},
        {"modules_to_save": ("pooler",)},
        {"init_classifier": "keep"},
    ):
        with pytest.raises(ConfigError) as refused:
            load_config(changes)
        assert words_of(refused.value.said()) == []


@pytest.mark.parametrize(
    ("error", "english"),
    [
        (MemoryError(), "The machine ran out of memory."),
        (OSError(errno.ENOSPC, ""), "The disk is full."),
        (ZeroDivisionError("5"), "The run ended with an unexpected ZeroDivisionError: 5"),
        (DivergedError(N_("{what} became {value} near step {step}. Lower learning_rate (now {rate}) or raise "
                          "warmup_ratio, and start again."), what=Message("The training loss"), value="nan", step=3,
                       rate="0.1"), "The training loss became nan near step 3."),
    ],
)  # fmt: skip
def test_how_a_run_ended_is_said_in_the_language_of_whoever_looks(
    error: Exception, english: str, store: RunStore
) -> None:
    run = store.create(make_config())
    run.set_status(state="failed", message=explain(error).message)
    assert Run(run.path).status.message.startswith(english)
    assert RunFeed(Run(run.path)).since(Cursor())["message"].startswith(english)
    with every_text_marked(), speaking(CODE):
        said = RunFeed(Run(run.path)).since(Cursor())["message"]
        assert [word for word in unmarked(said) if word not in ("ZeroDivisionError", "nan")] == []
        with pytest.raises(RunError) as refused:
            run.require_result()
        assert words_of(refused.value.said().replace(run.id, "")) == []
