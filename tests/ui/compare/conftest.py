"""A store with a finished run, and what the tab works with."""

import shutil
from pathlib import Path

import pytest

from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", tmp_path / "recorded", "the-owner")


@pytest.fixture
def run(services: Services, finished_run: Run) -> Run:
    shutil.copytree(finished_run.path, services.store.folder / finished_run.id)
    return services.store.open(finished_run.id)
