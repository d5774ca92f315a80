"""Values as controls and tables take them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

Choices = list[tuple[str, str]]  #: of a dropdown: label, value
ColumnType = Literal["str", "number"]  #: of a table
TableValue = dict[str, list[Any]]


def table_value(headers: Iterable[str], rows: Iterable[Any]) -> TableValue:
    """What fills a table: rows alone would bring the headers back that it was laid out with, in English."""
    return {"headers": list(headers), "data": list(rows)}


def moment(seconds: float) -> str:
    """A point in time, UTC, sortable as text."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M")
