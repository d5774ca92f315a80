"""Values as controls and tables take them."""

from datetime import UTC, datetime
from typing import Literal

Choices = list[tuple[str, str]]  #: of a dropdown: label, value
ColumnType = Literal["str", "number"]  #: of a table


def moment(seconds: float) -> str:
    """A point in time, UTC, sortable as text."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M")
