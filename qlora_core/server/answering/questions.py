"""What the page asks the process that answers, and what it is told: a line of JSON each. It imports no torch."""

import logging
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from qlora_core import errors
from qlora_core.config import RunConfig
from qlora_core.data.typed_pairs import Answer, Attribution, BaseCheck, Pair
from qlora_core.evaluation.flips import ValidationPairs
from qlora_core.inspection.questions import InsideQuestion
from qlora_core.language import N_, Message

log = logging.getLogger(__name__)

#: Said where an error of no class of this package's keeps a question from being answered.
FAILED = N_("This cannot be answered; the server's log says why. Try again, or ask another run.")
OUT_OF_MEMORY = N_("There is not enough memory to answer this now. Try again later, or ask less at once.")


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True)


class AskPairs(_Form):
    """What a run says of pairs; answered with ``Answered``."""

    kind: Literal["pairs"] = "pairs"
    run: Path
    pairs: list[Pair]
    scale: float = 1.0  #: how much of the adapter answers


class AskBaseCheck(_Form):
    """Whether a run's base model is the base model; answered with a ``BaseCheck``."""

    kind: Literal["base_check"] = "base_check"
    run: Path
    pair: Pair


class AskTokens(_Form):
    """Which tokens of a pair move a run's answers; answered with an ``Attribution``."""

    kind: Literal["tokens"] = "tokens"
    run: Path
    pair: Pair


class AskInside(_Form):
    """What is inside a run, see ``inspection``; answered with lists, dictionaries, numbers and text."""

    kind: Literal["inside"] = "inside"
    run: Path
    question: InsideQuestion


class AskValidationPairs(_Form):
    """The pairs that a run of these settings is validated on; answered with ``ValidationPairs``."""

    kind: Literal["validation_pairs"] = "validation_pairs"
    config: RunConfig


class LetGo(_Form):
    """A run is being deleted; answered with nothing."""

    kind: Literal["let_go"] = "let_go"
    run: Path


Question = AskPairs | AskBaseCheck | AskTokens | AskInside | AskValidationPairs | LetGo


class Asked(_Form):
    """A question, and a number that no other has."""

    number: int
    question: Annotated[Question, Field(discriminator="kind")]


class Answered(_Form):
    """What a run says of pairs."""

    step: int | None  #: the training step of the weights; None for a saved adapter
    answers: list[Answer]


class Failure(_Form):
    """Why there is no answer."""

    kind: str  #: name of an exception's class
    message: Message
    problem: errors.HubProblem | None = None  #: with the hub

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """What the page says of it; what is not expected goes to the log, which is the server's."""
        if isinstance(error, errors.QLoRAError):
            problem = error.problem if isinstance(error, errors.HubError) else None
            return cls(kind=type(error).__name__, message=error.message.writable(), problem=problem)
        if isinstance(error, Exception) and errors.is_out_of_memory(error):
            return cls(kind=errors.MemoryExhausted.__name__, message=Message(OUT_OF_MEMORY))
        log.error("Something could not be answered.", exc_info=error)
        return cls(kind=errors.RunFailure.__name__, message=Message(FAILED))

    def as_error(self) -> errors.QLoRAError:
        """The exception, to be raised here."""
        if self.problem is not None:
            return errors.HubError(self.message, self.problem)
        return ERRORS[self.kind](self.message)


class Reply(_Form):
    """To the question of that number."""

    number: int
    answer: Any = None
    failure: Failure | None = None


ANSWER: TypeAdapter[Answered] = TypeAdapter(Answered)
BASE_CHECK: TypeAdapter[BaseCheck] = TypeAdapter(BaseCheck)
ATTRIBUTION: TypeAdapter[Attribution] = TypeAdapter(Attribution)
VALIDATION_PAIRS: TypeAdapter[ValidationPairs] = TypeAdapter(ValidationPairs)


def _with_subclasses(kind: type[errors.QLoRAError]) -> dict[str, type[errors.QLoRAError]]:
    found = {kind.__name__: kind}
    for each in kind.__subclasses__():
        found |= _with_subclasses(each)
    return found


ERRORS = _with_subclasses(errors.QLoRAError)
