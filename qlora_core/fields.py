"""What one setting is: its words, what its value may be, what is wrong with one that it may not be, and whether it is
a path that is nobody else's business.

``config`` makes a run's settings of these.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from qlora_core.choices import EITHER, Choice, explained
from qlora_core.hub_names import read_hub_name
from qlora_core.language import N_, Message, translated

Name = Annotated[str, Field(min_length=1, max_length=4096)]

THREE_NAMES = N_("{field} should be three different names, FIRST,SECOND,LABEL, not {value}")
_STRING = N_("{field} should be a valid string, not {value}")
_INTEGER = N_("{field} should be a valid integer, not {value}")
_NUMBER = N_("{field} should be a valid number, not {value}")
_SWITCH = N_("{field} should be true or false, not {value}")
#: What is said of a value, by pydantic's word for what is wrong with it, which also names the limits.
FAULTS = {
    "string_type": _STRING,
    "string_unicode": _STRING,
    "string_too_short": N_("{field} should have a value, not {value}"),
    "string_too_long": N_("{field} should have at most {max_length} characters, not {value}"),
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": N_("{field} should be a finite number, not {value}"),
    "greater_than": N_("{field} should be greater than {gt}, not {value}"),
    "greater_than_equal": N_("{field} should be greater than or equal to {ge}, not {value}"),
    "less_than": N_("{field} should be less than {lt}, not {value}"),
    "less_than_equal": N_("{field} should be less than or equal to {le}, not {value}"),
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "literal_error": N_("{field} should be {expected}, not {value}"),
    "tuple_type": N_("{field} should be a list of names, not {value}"),
    "missing": THREE_NAMES,
    "too_short": N_("{field} should have at least one name, not {value}"),
    "too_long": N_("{field} should have at most {max_length} names, not {value}"),
    "extra_forbidden": N_("{field} is no setting; settings are: {settings}"),
}
#: What pydantic says of anything else.
OTHER_FAULT = "{field} {fault}, not {value}"
MAX_VALUE = 80  #: characters of a value that are repeated


def column_names(text: str) -> tuple[str, ...]:
    """Names that commas part, without blanks around them; one that contains a comma is written in quotes."""
    try:
        return tuple(name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row)
    except csv.Error:
        return ()


def _three_names(value: object) -> object:
    """Text such as "FIRST,SECOND,LABEL" as names; None for no text, and anything else as it is."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    names = column_names(value)
    if len(names) != 3 or len(set(names)) < 3 or not all(names):
        raise ValueError(THREE_NAMES)
    return names


ColumnNames = Annotated[tuple[Name, Name, Name] | None, BeforeValidator(_three_names)]

#: What a run is called; with anything else, nothing is looked for in a store.
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


def _check_run_id(name: str) -> str:
    if not RUN_ID.fullmatch(name):
        raise ValueError(N_("{field} should be the id of a run, as `runs` lists them, not {value}"))
    return name


#: None for no text: a run from scratch.
InitFrom = Annotated[Annotated[str, AfterValidator(_check_run_id)] | None, BeforeValidator(lambda name: name or None)]

MAX_BOOTSTRAP_SAMPLES, MAX_SEED = 100_000, 2**31 - 1


def _check_layer_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        raise ValueError(N_("{field} may hold letters, digits, dots and underscores, not {value}"))
    return name


#: Of modules, such as "attention.output.dense": it is shown in many places, and goes into the adapter's card.
LayerName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_layer_name)]

#: Groups of settings, in the order of their fields.
SECTIONS = ("Model and pairs", "Quantisation (bitsandbytes)", "Adapter (PEFT)", "Training (transformers)", "Data")
#: Fields that may hold a path on the machine that a run happened on.
PATH_FIELDS = ("base_model", "dataset", "data_dir", "validation_file")


def in_section(section: str) -> Callable[..., Any]:
    """What makes fields of ``RunConfig`` in a section, with the words that page, command line and documents use."""

    def setting(
        label: str, help: str, default: Any, explains: Mapping[str, Choice] | None = None, **limits: Any
    ) -> Any:
        words: dict[str, Any] = {"section": section, "label": label, "purpose": help, "choices": explains or {}}
        return Field(default, json_schema_extra=words, **limits)

    return setting


@translated("label", "purpose")
@dataclass(frozen=True)
class Setting:
    """A field of ``RunConfig`` in words."""

    name: str  #: in transformers, PEFT or bitsandbytes
    section: str
    label: str
    purpose: str  #: what it does, in full sentences
    choices: Mapping[str, Choice]  #: that are explained with it
    default: Any

    @property
    def help(self) -> str:
        """What it does and, where it is one of a few, what each of these is."""
        return f"{self.purpose} {explained(self.choices)}" if self.choices else self.purpose


def settings_of(model: type[BaseModel]) -> Iterator[Setting]:
    """The fields of a model that ``in_section`` made, in their order."""
    for name, one in model.model_fields.items():
        words: Any = one.json_schema_extra
        yield Setting(name=name, default=one.default, **words)


def faults_in(error: ValidationError, settings: Iterable[str]) -> Message:
    """Every setting that is wrong and why, in a sentence."""
    found: dict[str, Message] = {}
    for item in error.errors():
        field = "".join(str(part) for part in item["loc"][:1])
        found.setdefault(field, _fault(field, item, settings))  # what else is said of a field follows from the first
    places = {f"fault{number}": fault for number, fault in enumerate(found.values())}
    text = "{semicolon}".join(f"{{{place}}}" for place in places)
    return Message(N_("{faults}."), {"faults": Message(text, {**places, "semicolon": Message(N_("; "))})})


def _fault(field: str, item: ErrorDetails, settings: Iterable[str]) -> Message:
    limits = item.get("ctx", {})
    own = limits.get("error")  # raised by a check of this program
    text = FAULTS.get(item["type"], OTHER_FAULT) if own is None else str(own)
    values: dict[str, str | Message] = {name: _limit(limit) for name, limit in limits.items()}
    values |= {"field": field, "value": repr(str(item["input"])[:MAX_VALUE]), "settings": ", ".join(settings)}
    return Message(text, {**values, "fault": item["msg"].removeprefix("Input ")})


def _limit(limit: object) -> str | Message:
    """A limit as people write it: 1 and not 1.0, and "a, b or c" in their language."""
    most, separator, last = str(limit).rpartition(" or ")
    if separator:
        return Message(EITHER, {"most": most, "last": last})
    return f"{limit:.0f}" if isinstance(limit, float) and limit.is_integer() else str(limit)


def file_name(value: object) -> str:
    """The last part of a path; other names as they are."""
    return re.split(r"[\\/]", str(value).rstrip("\\/"))[-1]


def without_folders(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's values with the names of files in place of their paths on this machine."""
    paths = {name for name in PATH_FIELDS if values.get(name)}
    if "base_model" in paths and _is_on_hub(str(values["base_model"])):
        paths.remove("base_model")
    return {name: file_name(value) if name in paths else value for name, value in values.items()}


def _is_on_hub(name: str) -> bool:
    """Whether a base model's name is one on the hub, which whoever gets the settings can use, and no folder's here."""
    return read_hub_name(name) is not None and not Path(name).is_dir()
