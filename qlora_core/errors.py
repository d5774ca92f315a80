"""Every exception this package raises on purpose.

    QLoRAError                  what happened and what to do about it, in plain words
    ├── UserError               the request cannot be carried out as asked (exit status 2)
    │   ├── ConfigError         a setting is unknown, of the wrong type or out of range
    │   ├── DataError           a file of pairs, or a sentence typed in, is missing, malformed or unusable
    │   ├── ModelError          a base model is missing, incomplete or not a BERT
    │   ├── HubError            the Hugging Face hub is needed and cannot be reached
    │   ├── RunError            a run does not exist, or is not in a state that allows the request
    │   └── QueueError          a visitor asks for more than their place in the queue
    └── RunFailure              a run started and could not be completed (exit status 1)
        ├── DivergedError       the loss became NaN or infinite
        ├── MemoryExhausted     the machine or the GPU ran out of memory
        └── StorageError        the disk is full or refuses to be written to

A message is one or two sentences: the first says what happened, the second what to try.
"""


class QLoRAError(Exception):
    """Base of all errors below; ``str(error)`` may be shown to a visitor as it is."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether ``error`` is Python's, the GPU's or torch's CPU allocator's way of saying that memory ran out."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "can't allocate memory" in str(error)


class UserError(QLoRAError):
    """The request cannot be carried out as asked."""


class ConfigError(UserError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(UserError):
    """A file of sentence pairs, or a sentence typed in, is missing, malformed or unusable."""


class ModelError(UserError):
    """A base model is missing, incomplete, altered or not a BERT encoder."""


class HubError(UserError):
    """The Hugging Face hub is needed and cannot be reached."""


class RunError(UserError):
    """A run does not exist, or is not in a state that allows the request."""


class QueueError(UserError):
    """A visitor asks for more than their place in the queue."""


class RunFailure(QLoRAError):
    """A run started and could not be completed."""


class DivergedError(RunFailure):
    """The training loss became NaN or infinite."""


class MemoryExhausted(RunFailure):
    """The machine or the GPU ran out of memory."""


class StorageError(RunFailure):
    """The disk is full or refuses to be written to."""
