"""Why something cannot be used here, and what to do, in one sentence."""

from qlora_core.language import gettext as _
from qlora_core.server.findings import Obstacle, Unavailable


def why_not(found: Unavailable) -> str:
    """For a visitor, who knows neither folders nor options of this machine."""
    return _sentence(found).format(name=found.name, instead=_(" or ").join(found.instead))


def _sentence(found: Unavailable) -> str:
    if found.obstacle == Obstacle.OUT_OF_REACH:
        return _(
            "{name} is not on this server, which cannot reach the Hugging Face hub to download it: choose {instead}."
        )
    if found.obstacle == Obstacle.DAMAGED:
        return _("The files of {name} on this server are incomplete or damaged: choose {instead}.")
    if found.obstacle == Obstacle.CANNOT_COMPUTE and found.instead:
        return _("bitsandbytes cannot compute with {name} weights on this machine: choose {instead}.")
    if found.obstacle == Obstacle.CANNOT_COMPUTE:
        return _(
            "bitsandbytes cannot compute with {name} weights on this machine: whoever runs this server has to look at "
            "its log."
        )
    return _("{name} is missing from this installation: choose another, or ask whoever runs this server to install it.")
