"""``predictions.parquet``: every answer on the validation pairs, one row a pair and one column a model."""

from math import isfinite
from pathlib import Path
from typing import Any

from qlora_core.errors import RunError
from qlora_core.language import N_
from qlora_core.store.files import open_file, replace_file

# pyarrow is imported where it is used: importing the store costs nothing.


def write_table(path: Path, columns: dict[str, Any]) -> None:
    """Replace the table.

    Raises:
        StorageError: as ``replace_file``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(columns)
    replace_file(path, lambda temporary: pq.write_table(table, temporary))


def read_columns(path: Path, names: list[str]) -> list[list[Any]]:
    """Columns in the order asked for; the run is called as its folder is.

    Raises:
        RunError: there is no table, or it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    run_id = path.parent.name
    try:
        with open_file(path) as file:
            table = pq.read_table(file, columns=names)
        columns = [table.column(name).to_pylist() for name in names]
    except FileNotFoundError as error:
        raise RunError(N_("Run {run} has recorded no predictions."), run=run_id) from error
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunError(N_("The predictions of run {run} cannot be read."), run=run_id) from error
    if any(None in column for column in columns):
        raise RunError(N_("The predictions of run {run} cannot be read: some are missing."), run=run_id)
    if not all(isinstance(value, int | float) and isfinite(value) for column in columns for value in column):
        raise RunError(N_("The predictions of run {run} cannot be read: some are no numbers."), run=run_id)
    return columns
