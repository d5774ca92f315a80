"""What the speed benchmarks share: fresh processes that take turns, medians with their range, a table and its JSON."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from qlora_core.config import make_config
from qlora_core.models.device import describe_environment, start_accelerator
from qlora_core.training.loop.trainer import Trainer
from qlora_core.training.setup import Setup

Row = dict[str, Any]


def take_turns(forms: Sequence[str], rounds: int, measure: Callable[[str], Row]) -> dict[str, list[Row]]:
    """Measure A B C, A B C, ...: whatever the machine does meanwhile happens to every form alike."""
    found: dict[str, list[Row]] = {form: [] for form in forms}
    for number in range(rounds):
        for form in forms:
            print(f"round {number + 1} of {rounds}: {form}", file=sys.stderr, flush=True)
            found[form].append(measure(form))
    return found


def measure_in_child(module: str, *arguments: str) -> Row:
    """What ``python -m module arguments`` prints as its last line, a JSON object.

    A process of its own, so that peak memory, caches and imports are those of this measurement alone.
    """
    command = [sys.executable, "-m", module, *arguments]
    shown = subprocess.run(command, env=os.environ | {"HF_HUB_OFFLINE": "1"}, stdout=subprocess.PIPE, check=True)
    row: Row = json.loads(shown.stdout.decode().strip().rpartition("\n")[2])
    return row


def make_trainer(setup: Setup, folder: Path) -> Trainer:
    """A training of the setup's own base model with fresh adapters, whose checkpoint is kept in ``folder``."""
    return setup.trainer(setup.untrained_adapter(), folder / "checkpoint.safetensors")


def median(rows: Sequence[Row], name: str) -> float:
    """The middle one of a number over all rounds."""
    return float(statistics.median(row[name] for row in rows))


def median_and_range(rows: Sequence[Row], name: str, digits: int = 1) -> str:
    """The median of a number over all rounds, and its smallest and largest value."""
    values = [float(row[name]) for row in rows]
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def machine() -> Row:
    """What the numbers were measured on."""
    compute, accelerator = start_accelerator(make_config())
    memory = round(psutil.virtual_memory().total / 2**30, 1)
    return describe_environment(compute, accelerator) | {"memory_gib": memory}


def report(title: str, table: Sequence[Mapping[str, str]], numbers: Row) -> None:
    """Print the machine and ``table`` (rows of equal keys) as Markdown, then everything as one line of JSON."""
    here = machine()
    print(f"\n## {title}\n")
    print(
        f"{here['device_name']}, {here['cpu_count']} cores, {here['threads']} threads, {here['memory_gib']} GiB; "
        f"{here['compute_dtype']} ({here['compute_dtype_reason']}); Python {here['python']}, "
        + ", ".join(f"{name} {number}" for name, number in here["versions"].items())
        + "\n"
    )
    columns = list(table[0])
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in table:
        print(f"| {' | '.join(row[column] for column in columns)} |")
    print(f"\n{json.dumps({'benchmark': title, 'machine': here} | numbers)}")
