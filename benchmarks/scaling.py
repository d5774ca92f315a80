"""What grows with what: the cost of training as pairs, lengths and ranks grow, of the page as runs and events do.

    python -m benchmarks.scaling [--rounds N] [--plot FILE] [--most N]

Sizes take turns, and the median of the rounds counts. Training is the engine's own loop on ``minilm`` in NF4, its first
steps left out. Listing is what the page does when it offers runs; attaching is a server's first look at the whole curve
of a run. ``--most`` leaves out larger sizes.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from datasets import Dataset
from matplotlib import pyplot

from benchmarks.harness import Row, make_trainer, median, median_and_range, report, take_turns
from qlora_core.config import make_config
from qlora_core.data.sources import PairData, load_run_pairs
from qlora_core.language import Message
from qlora_core.server.services import MAX_LISTED
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.runs import RunStore
from qlora_core.training.loop.events import Step
from qlora_core.training.setup import Setup

PAIRS = 160  #: what is trained on where lengths and ranks are compared
WARM_UP = 2  #: steps


@dataclass(frozen=True)
class Growth:
    """Something that grows, and what is measured of it."""

    title: str
    grows: str
    sizes: tuple[int, ...]
    unit: str
    measure: Callable[[int], float]
    limit: float | None = None  #: in ``unit``, drawn as a line


def milliseconds_a_pair(pairs: int) -> float:
    """Of one epoch on so many of the bundled pairs (taken again from the start when they run out)."""
    config = make_config(num_train_epochs=1)
    train = load_run_pairs(config).train
    return _train(train.select(list(islice(cycle(range(len(train))), pairs))))


def milliseconds_a_pair_of_length(tokens: int) -> float:
    """Of pairs that all have so many tokens."""
    words = (tokens - 3) // 2
    sentence = " ".join(["tree"] * words)
    row = {"sentence1": sentence, "sentence2": f"{sentence} tree" if (tokens - 3) % 2 else sentence, "label": 1}
    return _train(Dataset.from_list([row | {"label": number % 2} for number in range(PAIRS)]), max_length=tokens)


def milliseconds_a_pair_at_rank(r: int) -> float:
    """Of the bundled pairs, with adapters of rank ``r``."""
    return _train(load_run_pairs(make_config()).train.select(range(PAIRS)), r=r, lora_alpha=2 * r)


def _train(pairs: Dataset, **changes: Any) -> float:
    """Milliseconds a pair in one epoch, validation left out."""
    config = make_config(num_train_epochs=1, **changes)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(
            Setup.load(config, PairData("", Message(""), pairs, pairs.select(range(8)))), Path(folder)
        )
        seconds = [trainer.progress.train_seconds for event in trainer.train() if isinstance(event, Step)]
    return 1000 * (seconds[-1] - seconds[WARM_UP - 1]) / (len(pairs) - WARM_UP * config.train_batch_size)


def milliseconds_to_list(runs: int) -> float:
    """To list the newest of so many runs."""
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        for _ in range(runs):
            store.create(make_config())
        started = time.perf_counter()
        store.runs(MAX_LISTED)
        return 1000 * (time.perf_counter() - started)


def milliseconds_to_attach(events: int) -> float:
    """To read and hand out the whole curve of a run with so many events."""
    with tempfile.TemporaryDirectory() as folder:
        run = RunStore(Path(folder)).create(make_config())
        steps = (
            {"kind": "step", "step": step + 1, "total_steps": events, "loss": 0.5}
            | {"epoch": step / events, "learning_rate": 2e-4, "examples_per_second": 80.0, "seconds_left": 60.0}
            for step in range(events)
        )
        run.event_log.append(steps)
        started = time.perf_counter()
        RunFeed(run).since(Cursor())
        return 1000 * (time.perf_counter() - started)


GROWTHS = (
    Growth("Training: pairs", "pairs", (100, 300, 1000, 3000, 10_000), "ms a pair", milliseconds_a_pair),
    Growth("Training: length", "tokens", (16, 32, 64, 128, 256, 512), "ms a pair", milliseconds_a_pair_of_length),
    Growth("Training: rank", "r", (1, 4, 8, 16, 32, 64), "ms a pair", milliseconds_a_pair_at_rank),
    Growth("Listing runs", "runs in the store", (1, 10, 100, 1000, 10_000), "ms", milliseconds_to_list, 100),
    Growth("Attaching to a run", "events", (10, 100, 1000, 10_000, 100_000), "ms", milliseconds_to_attach, 200),
)


def plot(found: dict[str, dict[int, float]], path: Path) -> None:
    """One small drawing for each thing that grows."""
    figure, drawings = pyplot.subplots(1, len(GROWTHS), figsize=(4 * len(GROWTHS), 3.2), layout="constrained")
    for drawing, growth in zip(drawings, GROWTHS, strict=True):
        sizes = found[growth.title]
        drawing.plot(list(sizes), list(sizes.values()), marker="o", color="#2f6f4f")
        if growth.limit is not None:
            drawing.axhline(growth.limit, linestyle="--", color="#a0522d")
        drawing.set(title=growth.title, xlabel=growth.grows, ylabel=growth.unit, xscale="log")
        drawing.set_ylim(bottom=0)
    figure.savefig(path)


def main() -> None:
    """Read the command line, measure, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=1_000_000, help="leave out sizes above this")
    parser.add_argument("--plot", type=Path, help="draw it to this file (.svg or .png)")
    options = parser.parse_args()
    found: dict[str, dict[int, float]] = {}
    table = []
    for growth in GROWTHS:
        sizes = [size for size in growth.sizes if size <= options.most]

        def measure(size: str, growth: Growth = growth) -> Row:
            return {growth.unit: growth.measure(int(size))}

        rows = take_turns([str(size) for size in sizes], options.rounds, measure)
        found[growth.title] = {size: median(rows[str(size)], growth.unit) for size in sizes}
        table += [
            {
                "what": growth.title,
                "size": f"{size:,} {growth.grows}",
                "median (range)": f"{median_and_range(rows[str(size)], growth.unit)} {growth.unit}",
                "aim": "" if growth.limit is None else f"under {growth.limit:.0f}",
            }
            for size in sizes
        ]
    if options.plot:
        plot(found, options.plot)
    report("scaling", table, {"medians": found})


if __name__ == "__main__":
    main()
