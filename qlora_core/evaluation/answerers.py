"""Whose answers are measured: the fine-tuned model, and what it has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from qlora_core.choices import Choice, table

#: Those that a saved run can be asked for again.
Askable = Literal["finetuned", "untrained_head", "linear_probe"]
ASKABLE: tuple[Askable, ...] = ("untrained_head", "linear_probe", "finetuned")


@dataclass(frozen=True)
class Answerer(Choice):
    """One model, or a rule that answers like one; ``help`` says what it is in a model card."""

    is_compared: bool = False  #: whether the fine-tuned model is compared with it, pair by pair
    is_detail: bool = False  #: whether the tables of all numbers alone have it


ANSWERERS = table(
    Answerer("majority", "majority class", "always the commoner label", is_compared=True),
    Answerer(
        "untrained_head_unquantized", "untrained head, float", "unquantised base model, untrained head", is_detail=True
    ),
    Answerer("untrained_head", "untrained head", "base model, untrained head", is_compared=True),
    Answerer("linear_probe", "linear probe", "base model, linear probe", is_compared=True),
    Answerer("started_from", "earlier run", "the run it started from, before training", is_compared=True),
    Answerer("finetuned", "fine-tuned", "fine-tuned (this adapter)"),
    Answerer("reloaded", "reloaded", "reloaded from these files"),
)


#: What the fine-tuned model has to beat.
COMPARED = tuple(name for name, answerer in ANSWERERS.items() if answerer.is_compared)


def label_of(name: str) -> str:
    """What an answerer is called; its name where it is not one of the table."""
    return ANSWERERS[name].label if name in ANSWERERS else name.replace("_", " ")


def baselines_words(provenance: Mapping[str, Any]) -> str:
    """When and in which run the baselines of a result were measured, in a sentence."""
    day = datetime.fromtimestamp(provenance["measured_at"], tz=UTC)
    return f"The baselines were measured on {day.day} {day:%B %Y} in run {provenance['run_id']}."


def borrowed_baselines_words(result: Mapping[str, Any]) -> str:
    """The same of a result whose baselines another run has measured; "" of any other."""
    provenance = result.get("baselines")
    return baselines_words(provenance) if provenance and provenance["run_id"] != result["run_id"] else ""
