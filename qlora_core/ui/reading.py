"""A run as the tabs read it: its result, or one plain error where that is missing or damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from qlora_core.errors import RunError
from qlora_core.store.run import Run

Choices = list[tuple[str, str]]  #: of a dropdown: label, value
ColumnType = Literal["str", "number"]  #: of a table


@contextmanager
def reading(run: Run) -> Iterator[None]:
    """Turn what goes wrong with a damaged result into one plain error.

    Raises:
        RunError: something in the run's result is missing or of the wrong kind.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, FileNotFoundError) as error:
        raise RunError(
            f"The result of run {run.id} is damaged and cannot be shown. Its files are left as they are."
        ) from error


def result_of(run: Run) -> dict[str, Any]:
    """The run's result.

    Raises:
        RunError: it has none yet, or it cannot be read.
    """
    result = run.result
    if result is None:
        raise RunError(f"Run {run.id} has no result: it is {run.status.state}.")
    return result


def moment(seconds: float) -> str:
    """A point in time, UTC, sortable as text."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M")
