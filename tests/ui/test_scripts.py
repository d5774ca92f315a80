"""The page's scripts are where the page looks for them, and nowhere but on this server."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qlora_core.ui import scripts


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A server that has the scripts and nothing else."""
    return TestClient(Starlette(routes=scripts.routes()))


def test_every_address_in_the_head_is_relative_and_served_as_a_script(client: TestClient) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', scripts.head())
    assert len(addresses) == 1 + len(scripts.LIVE)
    for address in addresses:
        assert not address.startswith(("/", "http"))
        answer = client.get(f"/{address}")
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", scripts.LIVE)
def test_modules_import_only_what_is_served(name: str) -> None:
    imported = re.findall(r'from "\./([^"]+)"', scripts.LIVE[name].read_text(encoding="utf-8"))
    assert set(imported) <= set(scripts.LIVE)


@pytest.mark.parametrize("name", ["live_view.html", "other.js", "..%2Fpage.js", "%2e%2e/page.js"])
def test_nothing_else_is_served(name: str, client: TestClient) -> None:
    assert client.get(f"/{scripts.LIVE_FOLDER}/{name}").status_code == 404


def test_the_live_view_starts_from_where_its_modules_are(client: TestClient) -> None:
    address = re.search(r'"(live/[^"]+)"', scripts.start_live_view())
    assert address is not None
    assert "export function start(" in client.get(f"/{address[1]}").text
