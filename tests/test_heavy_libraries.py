"""Heavy libraries are imported on first use, whole, however many threads ask for them at once."""

import subprocess
import sys

#: The page and everything that it is built from: what its server keeps, and what answers when a pair is compared.
PAGE_MODULES = (
    "qlora_core.ui.build, qlora_core.server.availability, qlora_core.server.estimates, "
    "qlora_core.server.answering.asker, qlora_core.ui.compare.pair_table, qlora_core.data.typed_pairs"
)
HEAVY = ("torch", "transformers", "peft", "datasets", "sklearn", "captum", "bitsandbytes", "accelerate")
TOGETHER = """
from concurrent.futures import ThreadPoolExecutor
from qlora_core.heavy_libraries import load_libraries
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda _: load_libraries(), range(8)))
import datasets
from qlora_core.data.sources import load_pairs
print(len(load_pairs("pairs").validation))
"""


def python(code: str, environment: dict[str, str]) -> str:
    """What a fresh process prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_page_is_built_without_any_of_them(environment: dict[str, str]) -> None:
    code = f"import sys, {PAGE_MODULES}; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code, environment).strip() == "[]"


def test_many_threads_may_ask_at_once(environment: dict[str, str]) -> None:
    assert int(python(TOGETHER, environment)) > 400
