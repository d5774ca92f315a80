"""The page's scripts are where the page looks for them, and nowhere but on this server."""

import re
from unittest.mock import patch

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qlora_core.assets import ASSETS
from qlora_core.language import speaking
from qlora_core.ui import scripts


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A server that has the scripts and nothing else."""
    return TestClient(Starlette(routes=scripts.routes()))


def test_every_address_in_the_head_is_relative_and_served_as_a_script(client: TestClient) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', scripts.head())
    assert len(addresses) == 2 + len(scripts.LIVE.files) + len(scripts.FORM.files)  # and plotly.js, language.js
    for address in addresses:
        assert not address.startswith(("/", "http"))
        answer = client.get(f"/{address}")
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("modules", scripts.ALL, ids=lambda modules: modules.folder)
def test_modules_import_only_what_is_served(modules: scripts.Modules) -> None:
    for path in modules.files.values():
        imported = re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8"))
        assert set(imported) <= set(modules.files)


@pytest.mark.parametrize("name", ["live_view.html", "other.js", "..%2Fpage.js", "%2e%2e/page.js"])
def test_nothing_else_is_served(name: str, client: TestClient) -> None:
    assert client.get(f"/{scripts.LIVE.address}/{name}").status_code == 404


@pytest.mark.parametrize(
    "start",
    [scripts.start_live_view(), scripts.start_inside(), scripts.start_present()],
    ids=["live", "inside", "present"],
)
def test_a_part_starts_from_where_its_modules_are(start: str, client: TestClient) -> None:
    address = re.search(r'"(scripts/\w+/(?:live|inside|present)/[^"]+)"', start)
    assert address is not None
    assert re.search(r"export (async )?function start\(", client.get(f"/{address[1]}").text)


def test_what_was_recorded_is_served_beside_the_modules_that_show_it(client: TestClient) -> None:
    answer = client.get(f"/{scripts.INSIDE.address}/failures.json")
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()) == 5


def test_the_scripts_are_given_the_texts_of_the_pages_language_as_data() -> None:
    assert '"texts": {}' in scripts.head()
    with speaking("de"):
        assert "Der Server antwortet nicht." in scripts.head()
    with speaking("de"), patch.object(scripts, "script_texts", return_value={"a": "</script><script>alert(1)"}):
        assert "<script>alert" not in scripts.head()


def test_every_script_finds_what_it_imports_from_the_folder_above() -> None:
    for path in ASSETS.glob("*/*.js"):
        imported = re.findall(r'from "(\.\./[^"]+)"', path.read_text(encoding="utf-8"))
        served = {f"../{modules.folder}/{name}" for modules in scripts.ALL for name in modules.files}
        assert set(imported) <= {f"../{scripts.LANGUAGE.name}", *served}, path
