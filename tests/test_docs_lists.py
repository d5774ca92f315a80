"""Documents and command line name what the tables have, all of it and nothing else."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from qlora_core.choices import SCHEMES, Choice
from qlora_core.cli.main import main
from qlora_core.config import SETTINGS, RunConfig
from qlora_core.data.catalog import DATASETS
from qlora_core.data.formats import ANY_FORMAT, FORMATS
from qlora_core.data.phenomena import PHENOMENA
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.presets import PRESETS
from qlora_core.ui.results.setting_rows import setting_rows

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "assets" / "pairs" / "README.md"])
}
#: Where each list is described.
DESCRIBED = [
    ("README.md", PRESETS),
    ("README.md", BASE_MODELS),
    ("README.md", DATASETS),
    ("docs/api.md", PRESETS),
    ("docs/api.md", BASE_MODELS),
    ("docs/api.md", DATASETS),
    ("docs/lesson.md", PRESETS),
]
#: Where a document names something of a list: what comes before or after the name, and the list.
MENTIONS = [
    (r"--preset `?([a-z][\w-]*)", PRESETS),
    (r"[Pp]resets? `(\w[\w-]*)`", PRESETS),
    (r"`(\w[\w-]*)` preset", PRESETS),
    (r"--base-model `?([a-z][\w-]*)", BASE_MODELS),
    (r"base_model=\"([^\"]*)\"", BASE_MODELS),
    (r"--dataset `?([a-z]\w*)", DATASETS),
    (r"dataset=\"([^\"]*)\"", DATASETS),
    (r"--set ([a-z]\w*)=", SETTINGS),
]


@pytest.mark.parametrize(("document", "choices"), DESCRIBED)
def test_a_document_describes_every_choice(document: str, choices: dict[str, Choice]) -> None:
    named = set(re.findall(r"`(?:--[\w-]+ )?([\w-]+)`", DOCUMENTS[document]))
    assert choices.keys() - named == set()


@pytest.mark.parametrize(("pattern", "choices"), MENTIONS)
def test_documents_mention_no_choice_that_there_is_not(pattern: str, choices: dict[str, object]) -> None:
    mentioned = {name for text in DOCUMENTS.values() for name in re.findall(pattern, text)}
    assert mentioned
    assert mentioned - choices.keys() == set()


def test_base_models_are_described_with_their_licence_and_place() -> None:
    packaged = [entry for entry in BASE_MODELS.values() if entry.package]
    assert all(f"`{entry.hub_id}` ({entry.licence})" in DOCUMENTS["README.md"] for entry in packaged)


def test_kinds_of_files_are_listed_wherever_a_file_may_be_given() -> None:
    assert ANY_FORMAT in DOCUMENTS["docs/deploying.md"]
    assert ", ".join(kind.label for kind in FORMATS.values()) in DOCUMENTS["README.md"]


def test_the_data_card_defines_every_phenomenon_with_its_label() -> None:
    rows = re.findall(r"^\| ([01]) \| ([\w-]+) \|", DOCUMENTS["assets/pairs/README.md"], re.MULTILINE)
    assert rows == [(str(phenomenon.label), name) for name, phenomenon in PHENOMENA.items()]


def help_of(command: str) -> str:
    """What the command line says of a command, on one line."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
        main([command, "--help"])
    return " ".join(said.getvalue().split())


def test_help_explains_every_choice_and_setting() -> None:
    text = help_of("train")
    for setting in SETTINGS.values():
        assert f"{setting.name}=" in text
        assert setting.help in text
    assert all(f"{scheme.label}: {scheme.help}" in text for scheme in SCHEMES.values())
    for preset in PRESETS.values():
        assert f"{preset.name}: {preset.help}, {preset.cost}" in text
    for names in (BASE_MODELS, DATASETS):
        assert all(name in text for name in names)
    assert ANY_FORMAT in text
    assert ANY_FORMAT in help_of("predict")


def test_results_explain_a_setting_as_the_help_does() -> None:
    assert [row[2] for row in setting_rows(RunConfig())] == [setting.help for setting in SETTINGS.values()]
