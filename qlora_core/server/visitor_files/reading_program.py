"""Read a visitor's file of pairs, with a bound on memory: see ``server.processes.apart``."""

from pathlib import Path
from typing import Any

from qlora_core.data.files import read_pairs_file
from qlora_core.server.processes.apart import Listener, answer
from qlora_core.server.visitor_files.reader import Request
from qlora_core.training.look import look_at_run_pairs

#: What a file may take beside the libraries.
MAX_BYTES = 2**30


def work(request: dict[str, Any], listener: Listener) -> dict[str, Any]:
    """A ``PairsLook``, or the number of pairs and the first ``most`` of them.

    Raises:
        DataError: the file is at fault.
        UserError: what is asked of it is.
    """
    del listener
    asked = Request.model_validate(request)
    if asked.kind == "look":
        return look_at_run_pairs(asked.config).model_dump(mode="json")
    pairs = read_pairs_file(Path(asked.config.dataset), labels=False)
    some = pairs.select(range(min(asked.most, len(pairs))))
    return {"count": len(pairs), "pairs": list(zip(some["sentence1"], some["sentence2"], strict=True))}


if __name__ == "__main__":
    answer(work, max_bytes=MAX_BYTES)
