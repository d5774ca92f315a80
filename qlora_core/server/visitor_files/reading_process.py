"""A process that reads a visitor's file of pairs, so that a file made to do harm can harm nothing else.

python -m qlora_core.server.visitor_files.reading_process REQUEST ANSWER is started by ``reader.FileReader``. Both are
files of JSON; the exit status is 0, or another where the answer is a message of what is wrong.
"""

import json
import sys
from pathlib import Path

from qlora_core.child_process import limit_memory
from qlora_core.data.files import read_pairs_file
from qlora_core.errors import DataError, UserError
from qlora_core.server.visitor_files.reader import FAULT, OUT_OF_MEMORY, REFUSED, Request
from qlora_core.training.look import look_at_run_pairs

#: What a file may take beside the libraries.
MAX_BYTES = 2**30


def answer(request: Request) -> str:
    """A ``PairsLook``, or the number of pairs and the first ``most`` of them, as JSON.

    Raises:
        UserError: the file or what is asked of it is at fault.
    """
    if request.kind == "look":
        return look_at_run_pairs(request.config).model_dump_json()
    pairs = read_pairs_file(Path(request.config.dataset), labels=False)
    some = pairs.select(range(min(request.most, len(pairs))))
    rows = list(zip(some["sentence1"], some["sentence2"], strict=True))
    return json.dumps({"count": len(pairs), "pairs": rows})


def carry_out(request_file: Path, answer_file: Path) -> int:
    """Answer one request; returns the exit status."""
    request = Request.model_validate_json(request_file.read_bytes())
    try:
        content, status = answer(request), 0
    except DataError as error:
        content, status = str(error), FAULT
    except UserError as error:
        content, status = str(error), REFUSED
    except MemoryError:
        content, status = OUT_OF_MEMORY, REFUSED
    answer_file.write_text(content, encoding="utf-8")
    return status


if __name__ == "__main__":
    limit_memory(MAX_BYTES)
    sys.exit(carry_out(*map(Path, sys.argv[1:])))
