"""What a setting may be: each list once, with the words that stand beside it.

Page, command line, API, doctor, documents and notebook read these tables. Elsewhere: the presets (``presets``), the
base models (``models.catalog``), the datasets (``data.catalog``), the kinds of files (``data.formats``) and the
phenomena (``data.phenomena``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from qlora_core.language import N_, translated
from qlora_core.language import gettext as _


@translated("label", "help")
@dataclass(frozen=True)
class Choice:
    """One of the things that may be chosen."""

    name: str  #: what configurations, the command line and the API call it
    label: str  #: what a control shows
    help: str  #: what it is, without a full stop, as it follows "label: "

    @property
    def heading(self) -> str:
        """The label where a line begins with it."""
        return self.label[:1].upper() + self.label[1:]


C = TypeVar("C", bound=Choice)

#: Names as a sentence lists alternatives.
EITHER = N_("{most} or {last}")
#: What the labels 0 and 1 mean: of two sentences, and as an answer.
LABELS = (N_("different"), N_("same"))


def table(*choices: C) -> dict[str, C]:
    """Choices by name, in the order in which they are shown."""
    return {choice.name: choice for choice in choices}


def explained(choices: Mapping[str, Choice]) -> str:
    """Every choice and what it is, as one sentence."""
    return "; ".join(f"{choice.label}: {choice.help}" for choice in choices.values()) + "."


def either(names: Iterable[str]) -> str:
    """Names as a sentence lists alternatives: "a, b or c"."""
    *most, last = names
    return _(EITHER).format(most=", ".join(most), last=last) if most else last


@dataclass(frozen=True)
class OneOf:
    """For a ``str`` in a pydantic model: it has to be a name of this table."""

    choices: Mapping[str, Choice]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's own check for one of several words."""
        del source, handler
        return core_schema.literal_schema(list(self.choices))


@translated("stored")
@dataclass(frozen=True)
class Scheme(Choice):
    """How the frozen encoder matrices are stored."""

    stored: str  #: how a model is held, as it follows "minilm, "
    bits: int | None  #: of a stored weight; None where weights stay as they are
    bnb_4bit_quant_type: str = ""  #: of a 4-bit scheme, what bitsandbytes calls it


SCHEMES = table(
    Scheme("nf4", "nf4", N_("4 bits a weight, on levels placed for bell-shaped weights"), N_("in NF4"), 4, "nf4"),
    Scheme("fp4", "fp4", N_("4 bits a weight, on the levels of a small floating-point number"), N_("in FP4"), 4, "fp4"),
    Scheme("int8", "int8", N_("8 bits a weight, on evenly spaced levels"), N_("in INT8"), 8),
    Scheme("none", N_("none"), N_("the weights stay as they are"), N_("unquantised"), None),
)
COMPUTE_DTYPES = table(
    Choice("auto", "auto", N_("what this machine is fastest in")),
    Choice("float32", "float32", N_("32 bits, on every machine")),
    Choice("bfloat16", "bfloat16", N_("16 bits with float32's range")),
    Choice("float16", "float16", N_("16 bits, on a GPU and with 4-bit weights only")),
)
MODULES_TO_SAVE = table(
    Choice("classifier", N_("classifier"), N_("new, so that it has to be trained")),
    Choice("pooler", N_("pooler"), N_("the pretrained layer below it, which may be")),
    Choice(
        "token_type_embeddings",
        N_("token types"),
        N_("two vectors that say which sentence a token is from, so that a model sooner learns to compare the two"),
    ),
)
SCHEDULERS = table(
    Choice("linear", N_("linear"), N_("falls evenly to zero")),
    Choice("cosine", N_("cosine"), N_("falls to zero along half a cosine wave")),
    Choice("constant", N_("constant"), N_("does not fall")),
)


@dataclass(frozen=True)
class TrackerChoice(Choice):
    """A program that draws what trainings report, and the package that has to be installed for it."""

    package: str = ""


#: None of them is needed, or comes with this program.
TRACKERS = table(
    TrackerChoice(
        "trackio", "Trackio", N_("Hugging Face's, which keeps everything on this machine"), "trackio>=0.43,<0.44"
    ),
    TrackerChoice("tensorboard", "TensorBoard", N_("files in the run's own folder"), "tensorboard>=2.21,<3"),
    TrackerChoice("wandb", "Weights & Biases", N_("a service, which needs an account of yours"), "wandb>=0.31,<1"),
)
#: Of a run that starts from another one.
INIT_CLASSIFIERS = table(
    Choice("fresh", N_("fresh"), N_("drawn at random and learned anew, for pairs that ask another question")),
    Choice("keep", N_("keep"), N_("the one that run had, for more pairs of the same kind")),
)

Quantization = Annotated[str, OneOf(SCHEMES)]
ComputeDtype = Annotated[str, OneOf(COMPUTE_DTYPES)]
ModuleToSave = Annotated[str, OneOf(MODULES_TO_SAVE)]
Scheduler = Annotated[str, OneOf(SCHEDULERS)]
InitClassifier = Annotated[str, OneOf(INIT_CLASSIFIERS)]

#: Linear layers of one BERT block, by the names PEFT matches them with. ``attention.output.dense`` and
#: ``output.dense`` both end in ``output.dense``: naming the latter adapts both.
BERT_LINEAR_LAYERS = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")
