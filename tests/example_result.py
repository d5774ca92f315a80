"""A result like one on record, measured by the code that measures runs, for the tests of the figures."""

import json
from copy import deepcopy
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qlora_core.config import make_config
from qlora_core.evaluation.report import measure_all
from qlora_core.ui.charts.groups import phenomenon_figure

N = 200
POINTS = [(step, 0.7 - step / 100, 1e-4) for step in range(1, 31)]  #: step, training loss, learning rate
LABELS = np.arange(N) % 2
EVIL = "<script>alert('&')</script>"
CONFUSION = {"true_positive": 0, "false_positive": 0, "false_negative": 0, "true_negative": 0}
QUANTIZATION = {
    "scheme": "nf4",
    "bytes": {"adapter": 3_000_000, "embeddings": 20_000_000, "encoder": 5_000_000, "quantization_constants": 200_000},
    "bytes_float32": 80_000_000,
    "bytes_float32_by_group": {"adapter": 3_000_000, "embeddings": 40_000_000, "encoder": 40_000_000},
}


def logits(share_right: float, confidence: float, seed: int) -> np.ndarray:
    """Answers of which this share is right."""
    right = np.random.default_rng(seed).random(N) < share_right
    answers = np.where(right, LABELS, 1 - LABELS)
    return np.stack([np.where(answers == 0, confidence, 0.0), np.where(answers == 1, confidence, 0.0)], axis=1)


def make_result(finetuned: float = 0.9, **changes: Any) -> dict[str, Any]:
    """A result like one on record: JSON, measured by the code that measures runs."""
    answers = {
        "majority": np.tile([0.0, 0.1], (N, 1)),
        "untrained_head": logits(0.5, 0.05, 1),
        "linear_probe": logits(0.6, 0.5, 2),
        "finetuned": logits(finetuned, 3.0, 3),
        "reloaded": logits(finetuned, 3.0, 3),
    }
    phenomena = [("negation", EVIL)[label] if number < 150 else "both" for number, label in enumerate(LABELS)]
    history = [
        {"step": 10, "epoch": 1.0, "accuracy": 0.7, "f1": 0.75, "loss": 0.6},
        {"step": 20, "epoch": 2.0, "accuracy": 0.9, "f1": 0.91, "loss": 0.4},
        {"step": 30, "epoch": 3.0, "accuracy": 0.88, "f1": 0.89, "loss": 0.45},
    ]
    result = {
        "dataset": {"fingerprint": "a"},
        "quantization": QUANTIZATION,
        "history": history,
        "best_epoch": 2.0,
        **measure_all(answers, LABELS, make_config(bootstrap_samples=500), phenomena),
    }
    return deepcopy(json.loads(json.dumps(result)) | changes)


def title(figure: go.Figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


def draw_phenomena(result: dict[str, Any]) -> go.Figure:
    figure = phenomenon_figure(result)
    assert figure is not None
    return figure
