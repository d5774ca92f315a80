"""What visitors may choose as a base model, and what stands beside the choice."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qlora_core.errors import ConfigError
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.server.availability import Availability
from qlora_core.server.services import Services, make_services
from qlora_core.settings import read_settings
from qlora_core.ui.opening import owners_choice
from qlora_core.ui.train.base_model_choice import about_base_model
from qlora_core.ui.train.form import preset_values
from qlora_core.ui.train.submission import NO_FILES, chosen_config

EXTRA = "prajjwal1/bert-tiny"


def server(*findings: dict[str, Any]) -> Services:
    """A server that found this on its machine; nothing is known yet where there are none."""
    report = json.dumps({"environment": {"device": "cpu"}, "findings": findings})
    known = Availability([sys.executable, "-S", "-c", "import sys; print(sys.argv[1])", report])
    if findings:
        known.start()
        assert known.wait(60)
    return replace(make_services(Path("runs"), Path("recorded"), "the-owner"), availability=known)


def choose(services: Services, base_model: str) -> str:
    return chosen_config(services, base_model, "pairs", NO_FILES, preset_values("quick", "pairs")).base_model


def test_what_is_not_known_to_be_here_has_the_size_that_the_hub_lists() -> None:
    said = about_base_model(server(), "bert-base-cased")
    assert said.endswith("google-bert/bert-base-cased, Apache-2.0; 436 MB of weights, as the hub lists it.")


def test_what_is_here_was_measured_and_shows_its_digest() -> None:
    digest = BASE_MODELS["minilm"].sha256
    here = {"kind": "base_model", "name": "minilm", "code": "found", "weights_bytes": 90868376, "sha256": digest}
    said = about_base_model(server(here), "minilm")
    assert said.endswith(f"all-MiniLM-L6-v2, Apache-2.0; 91 MB of weights here, SHA-256 {digest[:12]}.")


def test_the_owners_own_may_be_chosen_and_say_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="There is no base model of that name"):
        choose(server(), EXTRA)
    monkeypatch.setenv("QLORA_EXTRA_BASE_MODELS", EXTRA)
    assert choose(server(), EXTRA) == EXTRA
    said = about_base_model(server(), EXTRA)
    assert said.endswith(f"{EXTRA}, licence: see its page on the hub; its size is known once it is here.")
    absent = {"kind": "base_model", "name": EXTRA, "code": "not_here"}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match=f"{EXTRA} is not on this server, .* choose minilm"):
        choose(server(absent), EXTRA)


@pytest.mark.parametrize("name", ["someone/else", f"{EXTRA}@main", "/srv/bert", "<b>a/b</b>"])
def test_a_name_that_is_not_listed_is_refused_without_being_repeated(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLORA_EXTRA_BASE_MODELS", EXTRA)
    with pytest.raises(ConfigError) as refused:
        choose(server(), name)
    assert name not in str(refused.value)


def test_the_page_may_open_on_one_that_the_owner_added() -> None:
    environment = {"QLORA_EXTRA_BASE_MODELS": EXTRA, "QLORA_DEFAULT_BASE_MODEL": EXTRA}
    assert owners_choice(read_settings(environment)) == {"base_model": EXTRA}


def test_what_is_no_name_on_the_hub_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"^The variable QLORA_EXTRA_BASE_MODELS cannot be '/srv/bert'"):
        read_settings({"QLORA_EXTRA_BASE_MODELS": "/srv/bert"})
