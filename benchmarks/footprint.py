"""Bytes of a loaded base model by group, and the most memory held while it is loaded, for every way to store it.

    python -m benchmarks.footprint [--base-model NAME | --shape bert-base] [--rounds N]

Each is loaded in a process of its own. The peak is the memory that the process held at most, mapped files left out,
over what it held before loading; it is to stay under the size of the float32 weights plus 100 MB.
"""

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks.harness import Row, measure_in_child, median, median_and_range, report, take_turns
from benchmarks.shapes import write_bert_base
from qlora_core.config import make_config
from qlora_core.models.device import start_accelerator
from qlora_core.models.factory import ModelFactory
from qlora_core.models.footprint import float32_bytes, footprint

FORMS = {
    "none": {"quantization": "none"},
    "int8": {"quantization": "int8"},
    "FP4": {"quantization": "fp4", "bnb_4bit_use_double_quant": False},
    "NF4": {"quantization": "nf4", "bnb_4bit_use_double_quant": False},
    "NF4, double quantisation": {"quantization": "nf4", "bnb_4bit_use_double_quant": True},
}
ALLOWED_MB = 100  #: over the float32 weights
SAMPLE_SECONDS = 0.002


def own_bytes() -> int:
    """Resident memory of this process without the pages of mapped files, which the system may take back at any time."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


class Peak:
    """The most memory of its own that this process holds while the block runs, over what it held before, in bytes."""

    def __enter__(self) -> "Peak":
        self._before = self._most = own_bytes()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._look_once()

    @property
    def bytes(self) -> int:
        """The peak so far."""
        return self._most - self._before

    def _look(self) -> None:
        while not self._done.is_set():
            self._look_once()
            time.sleep(SAMPLE_SECONDS)

    def _look_once(self) -> None:
        self._most = max(self._most, own_bytes())


def measure(form: str, base_model: str) -> Row:
    """Load a base model as ``form`` says, in this process."""
    config = make_config(base_model=base_model, **FORMS[form])  # type: ignore[arg-type]
    compute, _ = start_accelerator(config)
    ModelFactory.find(make_config(), compute).unquantized()  # what any first loading imports and allocates
    models = ModelFactory.find(config, compute)
    with Peak() as peak:
        loaded = models.quantized()
    groups = footprint(models.with_lora(loaded.model))
    return {"peak_mb": peak.bytes / 1e6, "float32_mb": float32_bytes(models.base.folder) / 1e6, "groups": groups}


def main() -> None:
    """Read the command line; measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base-model", default="minilm", help="a name from the catalog, or a folder")
    parser.add_argument("--shape", choices=["bert-base"], help="random weights of this shape instead")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--form", choices=list(FORMS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        print(json.dumps(measure(options.form, options.base_model)))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = str(write_bert_base(Path(folder))) if options.shape else options.base_model
        arguments = ["benchmarks.footprint", f"--base-model={model}"]
        found = take_turns(list(FORMS), options.rounds, lambda form: measure_in_child(*arguments, f"--form={form}"))
    names = sorted({name for rows in found.values() for name in rows[0]["groups"]})
    table = []
    for form, rows in found.items():
        groups = rows[0]["groups"]
        allowed = rows[0]["float32_mb"] + ALLOWED_MB
        table.append(
            {
                "stored as": form,
                **{f"{name.replace('_', ' ')} (MB)": f"{groups.get(name, 0) / 1e6:.2f}" for name in names},
                "all (MB)": f"{sum(groups.values()) / 1e6:.2f}",
                "peak while loading (MB)": median_and_range(rows, "peak_mb"),
                f"under {allowed:.0f} MB": "yes" if median(rows, "peak_mb") < allowed else "no",
            }
        )
    report(f"footprint, {options.shape or options.base_model}", table, {"forms": found})


if __name__ == "__main__":
    main()
