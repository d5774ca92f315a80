"""The tree of exceptions, and what the rest of the package may rely on about it."""

import csv
import errno
import os

import pytest
import torch

from qlora_core import errors
from qlora_core.errors import QLoRAError, RunFailure, UserError, is_disk_full, is_out_of_memory, is_unclosed_quote

CLASSES = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
}


def drawn_parents() -> dict[str, str]:
    """Class to parent, as the module's docstring draws them; four columns to the right is one level deeper."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = next((word for word in line.split() if word in CLASSES), None)
        if name is None:
            continue
        depth = line.index(name) // 4 - 1
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn_parents() == {name: value.__mro__[1].__name__ for name, value in CLASSES.items()}


@pytest.mark.parametrize("error", CLASSES.values(), ids=list(CLASSES))
def test_a_message_is_shown_as_it_was_written(error: type[QLoRAError]) -> None:
    assert str(error("What happened. What to try.")) == "What happened. What to try."
    assert (error.__doc__ or "").strip().endswith(".") or error is QLoRAError


def test_an_error_is_the_users_or_the_runs_and_never_both() -> None:
    leaves = [value for value in CLASSES.values() if value not in (QLoRAError, UserError, RunFailure)]
    assert leaves
    assert all(issubclass(leaf, UserError) != issubclass(leaf, RunFailure) for leaf in leaves)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_out_of_memory_is_recognised_in_all_its_forms(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "told in another language"), True),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), True),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), False),
        (RuntimeError(f"Error while serializing: {os.strerror(errno.ENOSPC)} (os error 28)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_a_full_disk_is_recognised_in_all_its_forms(error: Exception, expected: bool) -> None:
    assert is_disk_full(error) is expected


@pytest.mark.parametrize(("content", "expected"), [('a,"b', True), ('"' + "a" * 200_000, True), ('"a"b,c', False)])
def test_a_quote_that_is_never_closed_is_recognised(content: str, expected: bool) -> None:
    with pytest.raises(csv.Error) as raised:
        list(csv.reader([content], strict=True))
    assert is_unclosed_quote(raised.value) is expected
