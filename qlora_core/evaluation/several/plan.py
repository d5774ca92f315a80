"""Several runs planned at once: each combination of some settings' values, with each of some seeds."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from qlora_core.config import SETTINGS, RunConfig, load_config
from qlora_core.errors import ConfigError
from qlora_core.evaluation.several.alike import FREE, SUBJECT
from qlora_core.fields import MAX_SEED
from qlora_core.language import N_
from qlora_core.presets import PRESETS

MAX_SETTINGS = 3  #: looked at together
MAX_TEXT = 1000  #: characters of one setting's values
#: Settings that may be looked at: not the seed, which has a place of its own, nor what a run is about.
VARIABLE = tuple(
    name for name in SETTINGS if name not in (*FREE, *SUBJECT, "base_model", "init_from", "init_classifier")
)

Grid = Mapping[str, Sequence[str]]  #: by setting, its values as they are written


@dataclass(frozen=True)
class Planned:
    """One run of a plan."""

    changes: Mapping[str, str]  #: what it has that the others may not have, as it is written; the seed too
    config: RunConfig


def plan(base: RunConfig, grid: Grid, seeds: Sequence[int], most: int) -> list[Planned]:
    """Every combination with the first seed, then with the next.

    Raises:
        ConfigError: it is no plan of two to ``most`` different runs, or a value is none of its setting.
    """
    count = prod(map(len, grid.values())) * len(seeds)
    if count > most:
        raise ConfigError(
            N_("That is {count} runs. At most {most} are carried out together: take values or seeds away."),
            count=count,
            most=most,
        )
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    planned = []
    for seed in seeds:
        for values in combinations:
            changes = {**values, "seed": str(seed)}
            read = {name: value_of(name, text) for name, text in changes.items()}
            planned.append(Planned(changes, load_config({**base.model_dump(), **read})))
    if len({one.config for one in planned}) < len(planned):
        raise ConfigError(N_("Some of these runs are the same. Name each value and each seed once."))
    if count < 2:
        raise ConfigError(N_("That is one run. Name two values of a setting, or two seeds."))
    return planned


def read_grid(assignments: Sequence[str]) -> dict[str, list[str]]:
    """What FIELD=VALUE,VALUE,... name; values of a setting that is a list are parted by semicolons.

    Raises:
        ConfigError: one is not of that form, or its setting cannot be varied.
    """
    grid: dict[str, list[str]] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        name = name.strip()
        if not separator:
            raise ConfigError(
                N_("'{text}' is not FIELD=VALUE,VALUE. Write for example --grid r=4,16."), text=assignment[:200]
            )
        if name in grid:
            raise ConfigError(N_("{setting} is named twice. Write all of its values in one place."), setting=name)
        grid[name] = values_of(name, text)
    if len(grid) > MAX_SETTINGS:
        raise ConfigError(N_("At most {most} settings can be varied together."), most=MAX_SETTINGS)
    return grid


def values_of(name: str, text: str) -> list[str]:
    """The values of a setting that is to be varied, as they are written.

    Raises:
        ConfigError: the setting cannot be varied, or there is no value.
    """
    if name not in VARIABLE:
        raise ConfigError(
            N_("'{setting}' is no setting that can be varied. Those are: {settings}."),
            setting=name[:80],
            settings=", ".join(VARIABLE),
        )
    values = [part.strip() for part in text[:MAX_TEXT].split(";" if is_list(name) else ",")]
    if not all(values):
        raise ConfigError(
            N_("Of {setting} a value is empty. Write for example {setting}={value}."),
            setting=name,
            value=str(SETTINGS[name].default),
        )
    return values


def read_seeds(text: str) -> list[int]:
    """Seeds with commas between them.

    Raises:
        ConfigError: one is none.
    """
    parts = [part.strip() for part in text[:MAX_TEXT].split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) <= MAX_SEED for part in parts):
        raise ConfigError(
            N_("'{text}' are no seeds. Write whole numbers with commas between them, such as 0,1,2."), text=text[:80]
        )
    return [int(part) for part in parts]


def value_of(name: str, text: str) -> object:
    """One value as ``load_config`` takes it."""
    if text.lower() == "none" and SETTINGS[name].default is None:
        return None
    return tuple(next(csv.reader([text], skipinitialspace=True))) if is_list(name) else text


def as_written(value: Any) -> str:
    """A value as ``value_of`` reads it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "on", False: "off"}[value]
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def suggestion(config: RunConfig, name: str) -> str:
    """Values to vary a setting with: the one that ``config`` has, and another that is worth a try."""
    own = getattr(config, name)
    for value in _others(config, name, own):
        with suppress(ConfigError):
            other = getattr(load_config({**config.model_dump(), name: value}), name)
            if other != own:
                return f"{'; ' if is_list(name) else ', '}".join([as_written(own), as_written(other)])
    return as_written(own)


def _others(config: RunConfig, name: str, own: Any) -> Iterator[object]:
    """What presets have, then what comes next to a value; not all of it can be."""
    for preset in PRESETS.values():
        yield preset.values_for(config.dataset).get(name, SETTINGS[name].default)
    yield from SETTINGS[name].choices
    if isinstance(own, bool):
        yield not own
    elif isinstance(own, int | float):
        yield from (own // 2 if isinstance(own, int) else own / 2, own * 2, 0.1, 1)


def is_list(name: str) -> bool:
    """Whether each value of a setting is several names."""
    return isinstance(SETTINGS[name].default, tuple)
