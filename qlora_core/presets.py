"""The presets: settings to start from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qlora_core.choices import Choice, table
from qlora_core.language import N_, translated


@translated("cost")
@dataclass(frozen=True)
class Preset(Choice):
    """Settings that go well together."""

    cost: str  #: what a run with it takes, on the bundled pairs
    values: Mapping[str, Any]  #: the fields of ``RunConfig`` that differ from their defaults
    for_datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  #: what differs further, by dataset

    def values_for(self, dataset: str) -> Mapping[str, Any]:
        """The fields of ``RunConfig`` that differ from their defaults for a dataset, or for a file of one's own."""
        return {**self.values, **self.for_datasets.get(dataset, {})}


PRESETS = table(
    Preset(
        "quick",
        N_("quick"),
        N_("learns something while you watch"),
        N_("one to six minutes of training on two cores"),
        {
            "learning_rate": 5e-4,
            "num_train_epochs": 1,
            "max_train_samples": 5000,
            "easy_pairs_steps": 60,
            "evaluations_per_epoch": 4,
            "modules_to_save": ("classifier", "pooler", "token_type_embeddings"),
        },
        {
            "mrpc": {
                "r": 32,
                "lora_alpha": 64,
                "swap_probability": 0.0,
                "modules_to_save": ("classifier", "pooler"),
            }
        },
    ),
    Preset(
        "standard",
        N_("standard"),
        N_("the best recipe known here"),
        N_("ten minutes to half an hour of training on two cores"),
        {},
    ),
    Preset(
        "notebook",
        N_("notebook"),
        N_("what notebooks usually do"),
        N_("three epochs instead of four, on the same pairs"),
        {
            "r": 8,
            "lora_alpha": 16,
            "lora_dropout": 0.1,
            "hidden_dropout_prob": 0.1,
            "target_modules": ("query", "value"),
            "modules_to_save": ("classifier",),
            "learning_rate": 2e-4,
            "num_train_epochs": 3,
            "train_batch_size": 32,
            "swap_probability": 0.0,
        },
    ),
)
#: What the command line starts from.
DEFAULT_PRESET = "standard"
#: What the page and the API start from: a visitor wants to see something soon.
FIRST_PRESET = "quick"
