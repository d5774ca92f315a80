"""How long a comparison takes: base model and adapter on one pair in both orders, on an idle machine and beside a run.

    python -m benchmarks.predict [--rounds N] [--requests N]

Asked as the page and its API ask: the recorded run, half of the cores. Beside a run means that the queue carries out
the ``standard`` preset on 2,000 of the bundled pairs in a process of its own meanwhile.
"""

import argparse
import json
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

from benchmarks.harness import Row, measure_in_child, median, median_and_range, report, take_turns
from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import make_config
from qlora_core.data.sources import load_pairs
from qlora_core.data.typed_pairs import Pair
from qlora_core.server.services import Services, make_services
from qlora_core.ui.compare.answers import answer_in_parts, compare_pair

FORMS = ("idle", "beside a run")
MANY = 200  #: pairs answered in one go
WARM_UP = 3  #: requests
POLL_SECONDS = 0.2


def run_child(form: str, requests: int) -> Row:
    """Ask in this process."""
    with tempfile.TemporaryDirectory() as folder:
        services = make_services(Path(folder), RECORDED_RUNS, "owner")
        services.queue.start()
        try:
            if form == "beside a run":
                _wait_for_a_step(services)
            return _ask(services, requests)
        finally:
            services.close()


def _wait_for_a_step(services: Services) -> None:
    run = services.queue.submit(make_config(max_train_samples=2000))
    while not any(event["kind"] == "step" for event in run.events()):
        if not run.status.is_going_on:
            raise SystemExit(f"The run beside which was to be measured ended: {run.status.message}")
        time.sleep(POLL_SECONDS)


def _ask(services: Services, requests: int) -> Row:
    rows = load_pairs("pairs").validation
    pairs: list[Pair] = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    started = time.perf_counter()
    compare_pair(services, "", *pairs[0])
    first = time.perf_counter() - started
    milliseconds = []
    for pair in islice(pairs, WARM_UP + requests):
        started = time.perf_counter()
        compare_pair(services, "", *pair)
        milliseconds.append(1000 * (time.perf_counter() - started))
    run = services.recorded_run()
    assert run is not None
    many = pairs[:MANY]
    started = time.perf_counter()
    answer_in_parts(services.asker, run, many)
    return {
        "milliseconds": statistics.median(milliseconds[WARM_UP:]),
        "slowest": max(milliseconds[WARM_UP:]),
        "first_seconds": first,
        "pairs_per_second": len(many) / (time.perf_counter() - started),
    }


def main() -> None:
    """Read the command line; measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=30)
    parser.add_argument("--form", choices=FORMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        print(json.dumps(run_child(options.form, options.requests)))
        return

    def measure(form: str) -> Row:
        return measure_in_child("benchmarks.predict", f"--form={form}", f"--requests={options.requests}")

    found = take_turns(FORMS, options.rounds, measure)
    table = [
        {
            "when": form,
            "one comparison (ms)": median_and_range(rows, "milliseconds", 0),
            "slowest (ms)": median_and_range(rows, "slowest", 0),
            "the first, with loading (s)": median_and_range(rows, "first_seconds"),
            f"{MANY} pairs at once (pairs/s)": median_and_range(rows, "pairs_per_second"),
            "times idle": f"{median(rows, 'milliseconds') / median(found['idle'], 'milliseconds'):.1f}",
        }
        for form, rows in found.items()
    ]
    report("predict", table, {"forms": found})


if __name__ == "__main__":
    main()
