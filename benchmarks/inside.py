"""How long the tab "Inside" waits for its answers, on an idle machine and beside a run.

    python -m benchmarks.inside [--rounds N] [--requests N]

A server of this program is asked over HTTP as the tab's scripts ask, about the recorded run, one question after the
other, each with another block, rank or sentence than the one before. Beside a run means that the queue carries out the
``standard`` preset meanwhile. The first question of each kind, for which something may be loaded, is told apart.
"""

import argparse
import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from gradio_client import Client

from benchmarks.harness import Row, median_and_range, report, take_turns
from benchmarks.live import WARM_UP_STEPS, Server, serve
from benchmarks.watching import components
from qlora_core.assets import RECORDED_RUNS
from qlora_core.inspection.questions import ROLES
from qlora_core.store.runs import RunStore

FORMS = ("idle", "beside a run")
PATIENCE = 120.0
AIM_MILLISECONDS = 300
WORDS = ("nine", "ten", "eleven", "twelve", "thirteen", "forty", "fifty", "sixty", "seventy", "eighty")


def questions(kind: str, number: int) -> dict[str, Any]:
    """The question of a kind that is asked at place ``number``, unlike its neighbours."""
    matrix = {"layer": number % 6, "role": ROLES[number % len(ROLES)]}
    pair = {
        "first": f"Anna sold the boat to Ben for {WORDS[number % len(WORDS)]} pounds.",
        "second": f"Ben bought the boat from Anna for {WORDS[number // 3 % len(WORDS)]} pounds.",
    }
    asked: dict[str, dict[str, Any]] = {
        "block": {"what": "block", **matrix, "block": 7 * number % 2000},
        "formats": {"what": "formats", **matrix},
        "spectrum": {"what": "spectrum"},
        "at_rank": {"what": "at_rank", "k": number % 17, **pair},
        "readings": {"what": "readings", **pair},
    }
    return asked[kind]


KINDS = ("block", "formats", "spectrum", "at_rank", "readings")


class Inside:
    """Asks as the scripts of the tab do, over one connection."""

    def __init__(self, server: Server, run_id: str) -> None:
        number = components(server.url)["inside"]
        self._about = {"session_hash": "inside", "component_id": number, "fn_name": "ask"}
        self._run_id = run_id
        self._connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)

    def milliseconds(self, question: dict[str, Any]) -> float:
        """Until the answer is there.

        Raises:
            ValueError: it is an error.
        """
        body = json.dumps({**self._about, "data": {"run": self._run_id, "question": question}})
        began = time.perf_counter()
        self._connection.request("POST", "/gradio_api/component_server", body, {"Content-Type": "application/json"})
        told = json.loads(self._connection.getresponse().read())
        took = 1000 * (time.perf_counter() - began)
        if "answer" not in told:
            raise ValueError(f"{question}: {told}")
        return took


def ask_all(inside: Inside, requests: int) -> Row:
    """Each kind of question in turn, so many times after its first."""
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(requests + 1):
        for kind in KINDS:
            took[kind].append(inside.milliseconds(questions(kind, number)))
    row: Row = {}
    for kind, (first, *others) in took.items():
        row |= {
            f"{kind} first": first,
            f"{kind} p50": np.percentile(others, 50),
            f"{kind} p95": np.percentile(others, 95),
        }
    return {name: float(value) for name, value in row.items()}


def measure(form: str, requests: int) -> Row:
    """Serve, begin a run where one is to be at work, and ask."""
    recorded = RunStore(RECORDED_RUNS).runs()[0]
    with serve() as server:
        if form == FORMS[1]:
            client = Client(server.url, verbose=False)
            started = client.predict("minilm", "pairs", "standard", {}, "", api_name="/start_run")
            run = server.store.open(started["run_id"])
            while run.status.step < WARM_UP_STEPS:
                time.sleep(0.5)
        return ask_all(Inside(server, recorded.id), requests)


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=40, help="of each kind, in each round")
    options = parser.parse_args()
    found = take_turns(FORMS, options.rounds, lambda form: measure(form, options.requests))
    table = [
        {
            "when": form,
            "question": kind,
            "the first (ms)": median_and_range(rows, f"{kind} first", 0),
            "median (ms)": median_and_range(rows, f"{kind} p50", 0),
            "95th percentile (ms)": median_and_range(rows, f"{kind} p95", 0),
        }
        for form, rows in found.items()
        for kind in KINDS
    ]
    report("inside", table, {"aim_milliseconds": AIM_MILLISECONDS, "answers": found})


if __name__ == "__main__":
    main()
