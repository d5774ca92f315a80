"""Why something cannot be used here, and what to do, in one sentence."""

from qlora_core.server.findings import Obstacle, Unavailable


def why_not(found: Unavailable) -> str:
    """For a visitor, who knows neither folders nor options of this machine."""
    name, instead = found.name, " or ".join(found.instead)
    if found.obstacle == Obstacle.OUT_OF_REACH:
        where = "is not on this server, which cannot reach the Hugging Face hub to download it"
        return f"{name} {where}: choose {instead}."
    if found.obstacle == Obstacle.DAMAGED:
        return f"The files of {name} on this server are incomplete or damaged: choose {instead}."
    if found.obstacle == Obstacle.CANNOT_COMPUTE:
        advice = f"choose {instead}" if instead else "whoever runs this server has to look at its log"
        return f"bitsandbytes cannot compute with {name} weights on this machine: {advice}."
    return f"{name} is missing from this installation: choose another, or ask whoever runs this server to install it."
