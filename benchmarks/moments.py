"""One moment of a program's start, reached in a fresh process: python -m benchmarks.moments "page served".

A library's name imports that library alone.

Prints seconds since the process began, and which libraries it has imported. Nothing heavy is imported at the top.
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
from typing import Any
from urllib.request import urlopen

import psutil

from qlora_core.assets import RECORDED_RUNS

LIBRARIES = ("gradio", "plotly", "torch", "transformers", "peft", "bitsandbytes", "datasets")
PAIR = ("The ferry left an hour early.", "The boat departed sixty minutes ahead of time.")


def serve_empty_page() -> None:
    """Gradio alone."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as page:
        pass
    _serve(page)


def serve_page() -> None:
    """This program's page, as app.py builds it."""
    from qlora_core.server.services import make_services
    from qlora_core.settings import Settings
    from qlora_core.ui.build import build_app, launch_options

    with tempfile.TemporaryDirectory() as folder:
        services = make_services(Path(folder), RECORDED_RUNS, "owner")
        _serve(build_app(services), **launch_options(Settings(), services))


def _serve(page: "object", **options: object) -> None:
    page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **options)  # type: ignore[attr-defined]
    with urlopen(page.local_url) as answer:  # type: ignore[attr-defined]
        answer.read()


def answer_a_pair() -> None:
    """The recorded run, reloaded and asked."""
    from qlora_core.evaluation.predictor import Predictor
    from qlora_core.store.runs import RunStore

    Predictor(RunStore(RECORDED_RUNS).runs()[0]).answer([PAIR])


def take_a_step() -> None:
    """A run in this process, up to its first training step."""
    from qlora_core.config import make_config
    from qlora_core.store.runs import RunStore
    from qlora_core.training.run_process import start_run

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


def run_child(form: str) -> dict[str, Any]:
    """Do it in this process; seconds since the process began, and what it has imported."""
    if form in LIBRARIES:
        started = time.perf_counter()
        importlib.import_module(form)
        return {"seconds": time.perf_counter() - started}
    began = psutil.Process().create_time()
    FORMS[form]()
    return {"seconds": time.time() - began, "imported": [name for name in LIBRARIES if name in sys.modules]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.moments", description=__doc__)
    parser.add_argument("moment", choices=[*FORMS, *LIBRARIES], help="what to do in this process")
    print(json.dumps(run_child(parser.parse_args().moment)), flush=True)
    os._exit(0)  # whatever serves the page goes on in threads otherwise
