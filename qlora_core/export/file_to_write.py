"""Where what is taken home is written to, as somebody has named it."""

from pathlib import Path

from qlora_core.errors import RunError
from qlora_core.language import N_


def check_is_no_folder(path: Path, run_id: str, ending: str) -> None:
    """Refuse a folder that is named where a file is to be written.

    Raises:
        RunError: it is a folder; the message has an example of a file in it.
    """
    if path.is_dir():
        raise RunError(
            N_("'{path}' is a folder. Name the file to write, for example {example}."),
            path=str(path),
            example=str(path / f"{run_id}{ending}"),
        )
