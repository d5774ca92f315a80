"""One reloaded run on the tiny BERT, whose adapter has learned something."""

import pytest

from qlora_core.evaluation.predictor import Predictor
from qlora_core.store.run import Run


@pytest.fixture(scope="session")
def inspected(finished_run: Run) -> Predictor:
    """Looked at, and left as it is."""
    return Predictor(finished_run)
