"""How long until something happens: the page is served, a pair is answered, a training takes its first step.

    python -m benchmarks.start_up [--rounds N]

Seconds since a fresh process began, the forms taking turns, and which libraries it had imported by then. "empty page"
is a Gradio app with nothing on it, which no page can be faster than. The training is a small one (64 pairs) with its
baselines.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import psutil

from benchmarks.harness import Row, measure_in_child, median, median_and_range, report, take_turns

LIBRARIES = ("gradio", "plotly", "torch", "transformers", "peft", "bitsandbytes", "datasets")
RECORDED = Path(__file__).resolve().parent.parent / "assets" / "recorded_run"
PAIR = ("The ferry left an hour early.", "The boat departed sixty minutes ahead of time.")


def serve_empty_page() -> None:
    """Gradio alone."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as page:
        pass
    _serve(page)


def serve_page() -> None:
    """This program's page, as app.py builds it."""
    from qlora_core.ui.build import build_app, launch_options
    from qlora_core.ui.services import make_services

    with tempfile.TemporaryDirectory() as folder:
        services = make_services(Path(folder), RECORDED, "owner")
        _serve(build_app(services), **launch_options())


def _serve(page: "object", **options: object) -> None:
    page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **options)  # type: ignore[attr-defined]
    with urlopen(page.local_url) as answer:  # type: ignore[attr-defined]
        answer.read()


def answer_a_pair() -> None:
    """The recorded run, reloaded and asked."""
    from qlora_core.prediction import Predictor
    from qlora_core.run_store import RunStore

    Predictor(RunStore(RECORDED).runs()[0]).answer([PAIR])


def take_a_step() -> None:
    """A run in this process, up to its first training step."""
    from qlora_core.config import make_config
    from qlora_core.run_store import RunStore
    from qlora_core.session import start_run

    def leave(kind: str, _: dict[str, object]) -> None:
        if kind == "step":
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        try:
            start_run(make_config(max_train_samples=64, max_eval_samples=16), RunStore(Path(folder)), leave)
        except KeyboardInterrupt:
            return


FORMS: dict[str, Callable[[], None]] = {
    "empty page served": serve_empty_page,
    "page served": serve_page,
    "first pair answered": answer_a_pair,
    "first training step": take_a_step,
}


def run_child(form: str) -> Row:
    """Do it in this process; seconds since the process began, and what it has imported."""
    if form in LIBRARIES:
        started = time.perf_counter()
        importlib.import_module(form)
        return {"seconds": time.perf_counter() - started}
    began = psutil.Process().create_time()
    FORMS[form]()
    return {"seconds": time.time() - began, "imported": [name for name in LIBRARIES if name in sys.modules]}


def main() -> None:
    """Read the command line; measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--form", choices=[*FORMS, *LIBRARIES], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        print(json.dumps(run_child(options.form)), flush=True)
        os._exit(0)  # whatever serves the page goes on in threads otherwise

    def measure(form: str) -> Row:
        return measure_in_child("benchmarks.start_up", f"--form={form}")

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


if __name__ == "__main__":
    main()
