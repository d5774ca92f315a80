"""The address by which a class joins: this page's and no other, whatever is sent."""

import base64
import re
from urllib.parse import unquote

import pytest

from qlora_core.errors import UserError
from qlora_core.ui.present.join import Join, join
from qlora_core.ui.web.hosts import Hosts

HOSTS = Hosts(frozenset({"localhost", "qlora.example"}))
RUN = "20261130-175844-minilm-pairs-2218"


def joined(page: str, host: str = "192.168.0.7:7860", *, shown_anyway: bool = True) -> Join:
    return join(page, host, HOSTS, RUN, shown_anyway=shown_anyway)


def test_the_code_leads_to_the_run_where_the_browser_has_the_page() -> None:
    found = joined("http://192.168.0.7:7860/")
    assert found.address == f"http://192.168.0.7:7860/?run={RUN}&class=1"
    assert found.typed == "192.168.0.7:7860/?class=1"
    assert not found.is_local


def test_behind_a_proxy_it_is_the_proxys_name_and_folder() -> None:
    found = joined("https://qlora.example/class/2b/", "127.0.0.1:7860", shown_anyway=False)
    assert found.address == f"https://qlora.example/class/2b/?run={RUN}&class=1"
    assert found.typed == found.address


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_an_address_that_leads_no_other_machine_here_is_told(name: str) -> None:
    assert joined(f"http://{name}:7860/", f"{name}:7860").is_local


@pytest.mark.parametrize(
    "page",
    [
        "http://evil.example/",
        "http://192.168.0.8:7860/",
        "http://192.168.0.7:7860@evil.example/",
        "https://user:word@192.168.0.7:7860/",
        "javascript:alert(1)",
        "ftp://192.168.0.7:7860/",
        "null",
        "",
        "http://[::1",
        "http://192.168.0.7:7860",
        "http://192.168.0.7:7860//evil.example/",
        "http://192.168.0.7:7860/?run=x",
        "http://192.168.0.7:7860/#owner=key",
        'http://192.168.0.7:7860/"><script>/',
        f"http://192.168.0.7:7860/{'x' * 400}/",
    ],
)
def test_any_other_address_is_refused_without_being_repeated(page: str) -> None:
    with pytest.raises(UserError) as refused:
        joined(page)
    assert "evil" not in str(refused.value)


def test_the_code_is_a_picture_without_links_or_scripts() -> None:
    picture = unquote(joined("http://192.168.0.7:7860/").picture)
    assert picture.startswith("data:image/svg+xml")
    drawn = picture.partition(",")[2]
    if ";base64" in picture.partition(",")[0]:
        drawn = base64.b64decode(drawn).decode()
    assert set(re.findall(r"<(\w+)", drawn)) == {"svg", "g", "path"}
    assert not re.search(r"href|on\w+=|script", drawn)
