"""What stands around the tabs."""

from collections.abc import Sequence

from qlora_core.language import N_
from qlora_core.language import gettext as _

TITLE = "QLoRA for BERT"
INTRODUCTION = N_(
    "# QLoRA for BERT\n"
    "Watch a real BERT, held in 4 bits, learn to tell paraphrases from look-alikes; measure what it gained; take the "
    "adapter home."
)
#: Said where a browser keeps neither secret nor owner's pass: because another site shows the page, or by its settings.
KEEPS_NOTHING = N_(
    "Your browser keeps nothing for this page here: a run that you start is yours only until the page is loaded again."
)
OWN_TAB = N_("Open the page in a tab of its own.")
TRAIN_TAB = N_("Fine-tune")
RESULTS_TAB = N_("Results")
COMPARE_TAB = N_("Compare")
INSIDE_TAB = N_("Inside")
LANGUAGE = N_("Language of this page")

FOREIGN_PAGE = N_(
    "That came from the page of another site, for which this server does nothing. If it is this server's own page "
    "behind a proxy, whoever runs the server has to name it in QLORA_ALLOWED_HOSTS."
)
UNREADABLE = N_("That request cannot be read. Reload the page, and choose from what it offers.")
TOO_LARGE = N_("That request is larger than any that the page sends.")
KEY_ACCEPTED = N_("This browser is now the owner's: it may pause, resume, stop and delete every run.")
KEY_REFUSED = N_("That is not this server's owner's key; nothing has changed. Look up the key and open the link again.")


def unknown_host(name: str) -> str:
    """A request to a name that is not this server's, "" where it is no name at all."""
    if not name:
        return _("This server does not go by that name. Whoever runs it can add names to QLORA_ALLOWED_HOSTS.")
    said = _("This server does not go by the name {name}. Whoever runs it can add names to QLORA_ALLOWED_HOSTS.")
    return said.format(name=name)


def too_few(name: str, wanted: Sequence[str], came: int) -> str:
    """A program has sent fewer values than an endpoint takes."""
    return f"{name or 'That'} takes {len(wanted)} values ({', '.join(wanted)}), and {came} came."  # for programs
