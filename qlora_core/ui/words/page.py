"""What stands around the tabs."""

from collections.abc import Sequence

TITLE = "QLoRA for BERT"
INTRODUCTION = (
    "# QLoRA for BERT\n"
    "Watch a real BERT, held in 4 bits, learn to tell paraphrases from look-alikes; measure what it gained; take the "
    "adapter home."
)
TRAIN_TAB = "Fine-tune"
RESULTS_TAB = "Results"
COMPARE_TAB = "Compare"
INSIDE_TAB = "Inside"

FOREIGN_PAGE = (
    "That came from the page of another site, for which this server does nothing. If it is this server's own page "
    "behind a proxy, whoever runs the server has to name it in QLORA_ALLOWED_HOSTS."
)
UNREADABLE = "That request cannot be read. Reload the page, and choose from what it offers."
TOO_LARGE = "That request is larger than any that the page sends."
KEY_ACCEPTED = "This browser is now the owner's: it may pause, resume, stop and delete every run."
KEY_REFUSED = "That is not this server's owner's key; nothing has changed. Look up the key and open the link again."


def unknown_host(name: str) -> str:
    """A request to a name that is not this server's, "" where it is no name at all."""
    said = f"the name {name}" if name else "that name"
    return f"This server does not go by {said}. Whoever runs it can add names to QLORA_ALLOWED_HOSTS."


def too_few(name: str, wanted: Sequence[str], came: int) -> str:
    """A program has sent fewer values than an endpoint takes."""
    return f"{name or 'That'} takes {len(wanted)} values ({', '.join(wanted)}), and {came} came."
