"""Every exception this package raises on purpose.

    QLoRAError                  what happened and what to do about it, in plain words
    ├── UserError               the request cannot be carried out as asked (exit status 2)
    │   ├── ConfigError         a setting is unknown, of the wrong type or out of range
    │   ├── DataError           a file of pairs, or a sentence typed in, is missing, malformed or unusable
    │   ├── ModelError          a base model is missing, incomplete or not a BERT
    │   │   └── NotInstalled    the package that holds it is not installed
    │   ├── HubError            the Hugging Face hub is needed and cannot be reached, or it refuses
    │   ├── RunError            a run does not exist, or is not in a state that allows the request
    │   ├── ArchiveError        a file that somebody brings is no run, or none that can be taken in
    │   ├── StoreError          a folder of runs belongs to another server
    │   └── QueueError          a visitor asks for more than their place in the queue, or it is full
    └── RunFailure              a run started and could not be completed (exit status 1)
        ├── DivergedError       the loss became NaN or infinite
        ├── MemoryExhausted     the machine or the GPU ran out of memory
        └── StorageError        the disk is full or refuses to be written to, or the store holds all that it may

A message is one or two sentences: the first says what happened, the second what to try. It is for people: code asks for
the class, and where that is not enough for a code that the error carries. What varies in it stands in braces and comes
beside it, so that the page can say it in a visitor's language: ``DataError(N_("{file} has no rows."), file=name)``.
"""

import csv
import errno
import os
from enum import StrEnum

import safetensors

from qlora_core.language import Figure, Message

#: No room on the disk, no room within a quota, a file larger than the system allows.
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: What PEFT, transformers, safetensors and json raise of files that are missing, cut off, or of another shape.
DAMAGE = (
    OSError,
    safetensors.SafetensorError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ImportError,
)


class QLoRAError(Exception):
    """Base of all errors below; what it says may be shown to a visitor as it is.

    ``str(error)`` says it in English, ``error.said()`` in the language of whoever asks.
    """

    def __init__(self, message: str | Message = "", /, **values: str | int | Figure | Message) -> None:
        """``values`` are put into the message where their names stand in braces."""
        self.message = message if isinstance(message, Message) else Message(message, values)
        super().__init__(self.message.in_english())

    def said(self) -> str:
        """What it says, in the language of this context."""
        return self.message.said()


# The three functions below are the only places where code decides by the words of an error. torch's CPU allocator
# raises a plain RuntimeError; tokenizers and safetensors, written in Rust, raise exceptions of their own with the
# system's sentence in them and no errno; Python's csv has one exception for every fault. The text is all that arrives.


def is_out_of_memory(error: Exception) -> bool:
    """Whether ``error`` is Python's, the GPU's or torch's CPU allocator's way of saying that memory ran out."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "can't allocate memory" in str(error)


def is_disk_full(error: Exception) -> bool:
    """Whether ``error`` is the system's way of saying that a disk is full, or a library's that passes it on."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL_DISK
    return any(os.strerror(number) in str(error) for number in FULL_DISK)


def is_unclosed_quote(error: csv.Error) -> bool:
    """Whether a quote in a CSV file is never closed: the field that it opens is too long, or the file ends in it."""
    return any(words in str(error) for words in ("unexpected end of data", "field limit"))


class UserError(QLoRAError):
    """The request cannot be carried out as asked."""


class ConfigError(UserError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(UserError):
    """A file of sentence pairs, or a sentence typed in, is missing, malformed or unusable."""


class ModelError(UserError):
    """A base model is missing, incomplete, altered or not a BERT encoder."""


class NotInstalled(ModelError):
    """The package that holds a base model is not installed."""


class HubProblem(StrEnum):
    """What keeps something on the hub from being had, or from being put there."""

    NO_SUCH = "no_such"  #: the hub shows nothing of that name to whoever asks
    NOT_HERE = "not_here"  #: it is not on this machine, and the hub was not or could not be asked
    DOWNLOAD_FAILED = "download_failed"  #: the hub answered, and the files could not be had all the same
    UNREACHABLE = "unreachable"  #: nothing answers, or the hub is switched off
    TIMED_OUT = "timed_out"
    NO_TOKEN = "no_token"
    REFUSED_TOKEN = "refused_token"  #: wrong or expired
    FORBIDDEN = "forbidden"  #: the token may not do that: a scope is missing, or the account is another's
    NAME_TAKEN = "name_taken"  #: there is such a repository, with something in it
    TOO_LARGE = "too_large"
    NOT_TAKEN = "not_taken"  #: the hub does not take what was sent
    BROKEN_OFF = "broken_off"
    HUB_FAULT = "hub_fault"  #: the hub's own


class HubError(UserError):
    """The Hugging Face hub is needed and cannot be reached, or refuses what is asked of it."""

    def __init__(
        self,
        message: str | Message,
        problem: HubProblem = HubProblem.NOT_HERE,
        **values: str | int | Figure | Message,
    ) -> None:
        super().__init__(message, **values)
        self.problem = problem


class RunError(UserError):
    """A run does not exist, or is not in a state that allows the request."""


class ArchiveError(UserError):
    """A file that somebody brings is no run, or none that can be taken in."""


class StoreError(UserError):
    """A folder of runs belongs to another server."""


class QueueError(UserError):
    """A visitor asks for more than their place in the queue, or it is full."""


class RunFailure(QLoRAError):
    """A run started and could not be completed."""


class DivergedError(RunFailure):
    """The training loss became NaN or infinite."""


class MemoryExhausted(RunFailure):
    """The machine or the GPU ran out of memory."""


class StorageError(RunFailure):
    """The disk is full or refuses to be written to, or the store holds as much as it may."""
