"""What the page opens with: what its owner chose, and for the rest what this machine is good at.

Nobody waits for it: until it is known what works here, it is what every machine can do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from qlora_core.choices import Choice
from qlora_core.data.catalog import DATASETS
from qlora_core.errors import ConfigError
from qlora_core.models.catalog import offered_base_models
from qlora_core.presets import PRESETS
from qlora_core.server.availability import Availability
from qlora_core.server.services import Services
from qlora_core.settings import VARIABLES, Settings


@dataclass(frozen=True)
class Opening:
    """The first choice of a form that nobody has touched yet."""

    base_model: str
    dataset: str
    preset: str


#: Learns within two minutes on two cores, with what comes with this program.
EVERYWHERE = Opening("minilm", "pairs", "quick")
#: What papers and courses begin with; it takes a GPU to be done soon.
CLASSIC = Opening("bert-base-cased", "mrpc", "standard")


def owners_choice(settings: Settings) -> dict[str, str]:
    """The parts of an ``Opening`` that the environment decides.

    Raises:
        ConfigError: it names what there is not.
    """
    may_be: dict[str, Mapping[str, Choice]] = {
        "base_model": offered_base_models(settings),
        "dataset": DATASETS,
        "preset": PRESETS,
    }
    chosen = {}
    for part, table in may_be.items():
        setting = f"default_{part}"
        name = getattr(settings, setting)
        if name and name not in table:
            variable = VARIABLES[setting]
            raise ConfigError(
                f"The variable {variable.names[0]} cannot be {name[:80]!r}: {variable.help}. "
                f"Choose one of: {', '.join(table)}."
            )
        if name:
            chosen[part] = name
    return chosen


def opening_everywhere(services: Services) -> Opening:
    """What the page opens with before anything is known of this machine; always that of the API."""
    return replace(EVERYWHERE, **services.owners_choice)


def opening_now(services: Services) -> Opening:
    """What the page opens with by what is known at this moment; at once."""
    return replace(CLASSIC if _opens_on_classic(services) else EVERYWHERE, **services.owners_choice)


def _opens_on_classic(services: Services) -> bool:
    availability = services.availability
    obstacles = [availability.obstacle(part, getattr(CLASSIC, part)) for part in ("base_model", "dataset")]
    has_gpu = availability.has_gpu or (services.loans is not None and _is_preloaded(availability))
    return has_gpu and not any(obstacles)


def _is_preloaded(availability: Availability) -> bool:
    """Whether the classic's base model is here already: a loan is too short to fetch it; the pairs are a megabyte."""
    found = availability.finding("base_model", CLASSIC.base_model)
    return found is not None and found.ok
