"""The documents say what is so, and every link in them leads somewhere."""

import json
import re
from pathlib import Path

import pytest

from qlora_core.server.services import make_services
from qlora_core.store.run import Run
from qlora_core.ui.compare.answers import compare_pair

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("assets/*/*.md")])


def anchors(document: str) -> set[str]:
    """The anchors that GitHub gives a document's headings: words in lower case, hyphens between them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: str) -> list[str]:
    """Targets of the links in a document that stay in this repository."""
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", document) if not target.startswith("http")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in links(path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), f"{target}: there is no such file"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target}: there is no such heading"


def shape(value: object) -> object:
    """Names and types, without the values."""
    return {name: shape(part) for name, part in value.items()} if isinstance(value, dict) else type(value)


def test_a_comparison_looks_as_the_api_says(finished_run: Run, tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.+?)```", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.DOTALL)
    services = make_services(finished_run.path.parent, tmp_path / "recorded", "")
    answer = compare_pair(services, "", "The bakery closed early.", "The bakery shut its doors early.")
    assert shape(answer) == shape(json.loads(example))


def test_every_test_that_the_security_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).exists() or (test and f"def {test}(" not in (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert missing == []
