"""Whose answers are measured: the fine-tuned model, and what it has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from qlora_core.choices import Choice, table
from qlora_core.language import N_, date
from qlora_core.language import gettext as _

#: Those that a saved run can be asked for again.
Askable = Literal["finetuned", "untrained_head", "linear_probe"]
ASKABLE: tuple[Askable, ...] = ("untrained_head", "linear_probe", "finetuned")


@dataclass(frozen=True)
class Answerer(Choice):
    """One model, or a rule that answers like one; ``help`` says what it is in a model card."""

    is_compared: bool = False  #: whether the fine-tuned model is compared with it, pair by pair
    is_detail: bool = False  #: whether the tables of all numbers alone have it


ANSWERERS = table(
    Answerer("majority", N_("majority class"), N_("always the commoner label"), is_compared=True),
    Answerer(
        "untrained_head_unquantized",
        N_("untrained head, float"),
        N_("unquantised base model, untrained head"),
        is_detail=True,
    ),
    Answerer("untrained_head", N_("untrained head"), N_("base model, untrained head"), is_compared=True),
    Answerer("linear_probe", N_("linear probe"), N_("base model, linear probe"), is_compared=True),
    Answerer("started_from", N_("earlier run"), N_("the run it started from, before training"), is_compared=True),
    Answerer("finetuned", N_("fine-tuned"), N_("fine-tuned (this adapter)")),
    Answerer("reloaded", N_("reloaded"), N_("reloaded from these files")),
)


#: What the fine-tuned model has to beat.
COMPARED = tuple(name for name, answerer in ANSWERERS.items() if answerer.is_compared)


def label_of(name: str) -> str:
    """What an answerer is called; its name where it is not one of the table."""
    return ANSWERERS[name].label if name in ANSWERERS else name.replace("_", " ")


#: The same as they stand in a sentence.
DEFINITE = {
    "majority": N_("the majority class"),
    "untrained_head": N_("the untrained head"),
    "linear_probe": N_("the linear probe"),
    "started_from": N_("the earlier run"),
}


def definite_label(name: str) -> str:
    """What a baseline is called inside a sentence."""
    return _(DEFINITE[name]) if name in DEFINITE else f"the {label_of(name)}"


def baselines_words(provenance: Mapping[str, Any]) -> str:
    """When and in which run the baselines of a result were measured, in a sentence."""
    day = datetime.fromtimestamp(provenance["measured_at"], tz=UTC)
    said = _("The baselines were measured on {day} in run {run}.")
    return said.format(day=date(day), run=provenance["run_id"])


def borrowed_baselines_words(result: Mapping[str, Any]) -> str:
    """The same of a result whose baselines another run has measured; "" of any other."""
    provenance = result.get("baselines")
    return baselines_words(provenance) if provenance and provenance["run_id"] != result["run_id"] else ""
