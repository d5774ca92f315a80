"""A process that unpacks and checks a run that a visitor brings, so that a zip made to do harm can harm nothing else.

python -m qlora_core.server.visitor_files.unpacking_process ZIP FOLDER UPLOADS ANSWER is started by
``brought_runs.BroughtRuns``. The answer is a file: the run's name, or, with another exit status than 0, what is wrong.
"""

import math
import sys
from pathlib import Path

from qlora_core.child_process import limit_memory
from qlora_core.errors import UserError
from qlora_core.server.visitor_files.brought_runs import OUT_OF_MEMORY, REFUSED, unpacking
from qlora_core.store.shared.uploads import Uploads

#: What unpacking may take beside the libraries.
MAX_BYTES = 2**30


def carry_out(path: Path, folder: Path, uploads: Path, answer: Path) -> int:
    """Unpack one zip below ``folder``; returns the exit status."""
    try:
        said, status = unpacking(Uploads(uploads, math.inf)).run_of(path, folder).id, 0
    except UserError as error:
        said, status = str(error), REFUSED
    except MemoryError:
        said, status = OUT_OF_MEMORY, REFUSED
    answer.write_text(said, encoding="utf-8")
    return status


if __name__ == "__main__":
    limit_memory(MAX_BYTES)
    sys.exit(carry_out(*map(Path, sys.argv[1:])))
