"""How long until something happens: the page is served, a pair is answered, a training takes its first step.

    python -m benchmarks.start_up [--rounds N]

Seconds since a fresh process began, the forms taking turns, and which libraries it had imported by then. "empty page"
is a Gradio app with nothing on it, which no page can be faster than. The training is a small one (64 pairs) with its
baselines. Last comes ``run_start``: a run's process started afresh, and as a server starts it.
"""

import argparse

from benchmarks import run_start
from benchmarks.harness import Row, measure_in_child, median, median_and_range, report, take_turns
from benchmarks.moments import FORMS, LIBRARIES
from qlora_core.config import make_config


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    def measure(form: str) -> Row:
        return measure_in_child("benchmarks.moments", form)

    found = take_turns(list(FORMS), options.rounds, measure)
    imports = take_turns(list(LIBRARIES), options.rounds, measure)
    empty = median(found["empty page served"], "seconds")
    table = [
        {
            "until": form,
            "seconds": median_and_range(rows, "seconds", 2),
            "times an empty page": f"{median(rows, 'seconds') / empty:.2f}",
            "imported by then": ", ".join(rows[0]["imported"]),
        }
        for form, rows in found.items()
    ]
    table += [
        {
            "until": f"import {name}",
            "seconds": median_and_range(rows, "seconds", 2),
            "times an empty page": "",
            "imported by then": "",
        }
        for name, rows in imports.items()
    ]
    report("start_up", table, {"forms": found, "imports": imports})
    table, numbers = run_start.compare(options.rounds, make_config(max_train_samples=64, max_eval_samples=16))
    report("run_start", table, numbers)


if __name__ == "__main__":
    main()
