"""What may be asked of a run's inside. Importing it imports no torch: the page's process asks, another one answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS

#: The linear layers of one encoder layer, in the order in which a token passes them.
ROLES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
MAX_LAYER, MAX_BLOCK, MAX_RANK, MAX_STEPS = 1000, 10**8, 4096, 5


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _OfMatrix(_Form):
    layer: int = Field(ge=0, lt=MAX_LAYER)
    role: str = Field(max_length=40)  #: of ``ROLES``


class AskBlock(_OfMatrix):
    """Answered with a ``QuantizedBlock``."""

    what: Literal["block"]
    block: int = Field(0, ge=0, lt=MAX_BLOCK)


class AskFormats(_OfMatrix):
    """Answered with ``Formats``."""

    what: Literal["formats"]


class AskSpectrum(_Form):
    """Answered with a ``Spectrum``."""

    what: Literal["spectrum"]


class AskFirstSteps(_Form):
    """Answered with a list of ``Moment``."""

    what: Literal["first_steps"]
    steps: int = Field(2, ge=1, le=MAX_STEPS)


class AskReadings(_Form):
    """Answered with ``TwoReadings``."""

    what: Literal["readings"]
    first: str = Field(max_length=MAX_SENTENCE_CHARACTERS)
    second: str = Field(max_length=MAX_SENTENCE_CHARACTERS)


class AskAtRank(_Form):
    """What the adapter says of a pair with its k strongest directions; answered with the share of "same meaning"."""

    what: Literal["at_rank"]
    k: int = Field(ge=0, le=MAX_RANK)
    first: str = Field(max_length=MAX_SENTENCE_CHARACTERS)
    second: str = Field(max_length=MAX_SENTENCE_CHARACTERS)


class AskRankAccuracy(_Form):
    """How many of some validation pairs it answers rightly with them; answered with ``PartRight``."""

    what: Literal["rank_accuracy"]
    k: int = Field(ge=0, le=MAX_RANK)
    start: int = Field(0, ge=0, lt=10**7)


InsideQuestion = Annotated[
    AskBlock | AskFormats | AskSpectrum | AskFirstSteps | AskReadings | AskAtRank | AskRankAccuracy,
    Field(discriminator="what"),
]
