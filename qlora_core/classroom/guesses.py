"""What people expect of a run before it learns: the accuracy before and after, or the whole curve."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from qlora_core.classroom.books import Book, BookFull, Page, participant
from qlora_core.errors import RunError
from qlora_core.language import N_
from qlora_core.store.feed import RunFeed

MAX_GUESSES = 500  #: of a run
#: The shares of training at which a curve is guessed: before, a quarter, half, three quarters, after.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: The phases of a run in which nothing has been learned yet.
BEFORE_TRAINING = ("queued", "loading", "baselines")
TOO_LATE = N_("Training has begun, so this run takes no more guesses. The next run takes new ones.")
FULL = N_("As many browsers as may have guessed this run. Watch it, or guess the next one.")

Accuracy = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda share: round(share, 3))]
Curve = tuple[Accuracy, Accuracy, Accuracy]  #: between before and after


class Guess(BaseModel):
    """One browser's, of one run."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="forbid")

    before: (
        Accuracy  #: of the model before training: with its untrained head, or as the run that it starts from left it
    )
    after: Accuracy  #: of the fine-tuned model
    between: Curve | None = None  #: where the curve was drawn


class GuessBook:
    """The guesses of one run."""

    def __init__(self, path: Path) -> None:
        self.run_id = path.stem
        self._book = Book(path, Page[Guess])

    def __len__(self) -> int:
        return len(self._book.read().entries)

    def all(self) -> list[Guess]:
        """Every guess, by what it expects after training: in no order that tells whose it is."""
        return sorted(self._book.read().entries.values(), key=lambda guess: (guess.after, guess.before))

    def of(self, secret: str) -> Guess | None:
        """The guess of the browser with that secret."""
        return self._book.read().entries.get(self._name(secret))

    def put(self, secret: str, guess: Guess) -> int:
        """Write down what a browser expects, in place of what it expected before; returns how many have guessed.

        Raises:
            BookFull: too many others have guessed.
            StorageError: the disk is full or refuses to be written to.
        """
        name = self._name(secret)

        def with_it(before: Page[Guess]) -> Page[Guess]:
            if name not in before.entries and len(before.entries) >= MAX_GUESSES:
                raise BookFull(FULL)
            return before.with_entry(name, guess)

        return len(self._book.change(with_it).entries)

    def _name(self, secret: str) -> str:
        return participant(secret, f"guess {self.run_id}")


def is_open(feed: RunFeed) -> bool:
    """Whether a run still takes guesses: it has taken no step of training, and may take one."""
    status = feed.run.status
    return (
        (status.is_going_on or status.is_resumable)
        and status.phase in BEFORE_TRAINING
        and not feed.run.has_checkpoint
        and not feed.has_steps()
    )


def check_open(feed: RunFeed) -> None:
    """Refuse a guess that comes too late.

    Raises:
        RunError: it does.
    """
    if not is_open(feed):
        raise RunError(TOO_LATE)
