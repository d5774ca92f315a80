"""The tab's components, and services to call its handlers with."""

import gc
import shutil
import warnings
from pathlib import Path

import gradio as gr
import pytest

from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run
from qlora_core.ui.results.tab import ResultsTab, results_tab, wire_opening


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", tmp_path / "recorded", "the-owner")


@pytest.fixture(scope="package")
def tab(tmp_path_factory: pytest.TempPathFactory) -> ResultsTab:
    """The components; the handlers are called with services of their own."""
    folder = tmp_path_factory.mktemp("tab")
    services = make_services(folder / "runs", folder / "recorded", "the-owner")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops open
        with gr.Blocks():
            with gr.Tabs() as tabs, gr.Tab("Results", id="results") as place:
                made = results_tab(services)
            wire_opening(services, made, place, tabs)
        gc.collect()
    return made


@pytest.fixture
def run(services: Services, finished_run: Run) -> Run:
    """A finished run in the store, started by a visitor."""
    shutil.copytree(finished_run.path, services.store.folder / finished_run.id)
    copy = services.store.open(finished_run.id)
    copy.set_owner("mine")
    return copy
