"""What the page opens with: the owner's choice, else what this machine is good at, as soon as that is known."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qlora_core.errors import ConfigError
from qlora_core.server import availability
from qlora_core.server.availability import Availability
from qlora_core.server.findings import Code
from qlora_core.server.services import Services, make_services
from qlora_core.server.zerogpu.lender import News
from qlora_core.server.zerogpu.loans import Loans
from qlora_core.settings import read_settings
from qlora_core.store.runs import RunStore
from qlora_core.ui.opening import (
    CLASSIC,
    EVERYWHERE,
    Opening,
    opening_everywhere,
    opening_now,
    owners_choice,
)

HAS_CLASSIC = {"base_model": Code.FOUND, "dataset": Code.FOUND}
NAMES = {"base_model": CLASSIC.base_model, "dataset": CLASSIC.dataset}


def lend_nothing(run_directory: str, seconds: float) -> News:
    """No GPU is ever asked for."""
    raise AssertionError(run_directory, seconds)


def server(known: Availability, owners: dict[str, str] | None = None) -> Services:
    """A server on such a machine, whose owner chose so."""
    made = make_services(Path("runs"), Path("recorded"), "the-owner", owners_choice=owners)
    return replace(made, availability=known)


def machine(device: str, **codes: str) -> Availability:
    """What is known of a machine with this device, where the classic's base model and pairs are so; no hub answers."""
    findings: list[dict[str, Any]] = [{"kind": kind, "name": NAMES[kind], "code": code} for kind, code in codes.items()]
    report = {"environment": {"device": device}, "findings": findings}
    known = Availability([sys.executable, "-S", "-c", "import sys; print(sys.argv[1])", json.dumps(report)])
    known.start()
    assert known.wait(60)
    return known


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_with_a_gpu_and_the_classic_at_hand_it_is_the_classic(device: str) -> None:
    assert opening_now(server(machine(device, **HAS_CLASSIC))) == CLASSIC


@pytest.mark.parametrize(
    ("device", "codes"),
    [
        ("cpu", HAS_CLASSIC),
        ("cuda", HAS_CLASSIC | {"base_model": Code.NOT_HERE}),
        ("cuda", HAS_CLASSIC | {"dataset": Code.NOT_HERE}),
        ("cuda", HAS_CLASSIC | {"dataset": Code.DAMAGED}),
    ],
    ids=["no GPU", "no model", "no pairs", "damaged pairs"],
)
def test_every_other_machine_opens_on_what_it_can_do(device: str, codes: dict[str, str]) -> None:
    assert opening_now(server(machine(device, **codes))) == EVERYWHERE


@pytest.mark.parametrize(
    ("codes", "opening"),
    [
        (HAS_CLASSIC, CLASSIC),
        (HAS_CLASSIC | {"base_model": Code.NOT_HERE}, EVERYWHERE),
        (HAS_CLASSIC | {"dataset": Code.NOT_HERE}, EVERYWHERE),
    ],
    ids=["preloaded", "no model", "no pairs and no hub"],
)
def test_where_gpus_are_lent_it_is_the_classic_once_that_is_preloaded(
    codes: dict[str, str], opening: Opening, store: RunStore
) -> None:
    services = replace(server(machine("cpu", **codes)), loans=Loans(store, lend_nothing))
    assert opening_now(services) == opening


def test_a_model_that_would_be_fetched_within_a_loan_is_no_opening(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "hub_is_reachable", lambda: True)
    lent = Loans(store, lend_nothing)
    here, away = HAS_CLASSIC | {"dataset": Code.NOT_HERE}, HAS_CLASSIC | {"base_model": Code.NOT_HERE}
    assert opening_now(replace(server(machine("cpu", **here)), loans=lent)) == CLASSIC
    assert opening_now(replace(server(machine("cpu", **away)), loans=lent)) == EVERYWHERE
    assert opening_now(server(machine("cuda", **away))) == CLASSIC


def test_nobody_waits_until_the_machine_is_known() -> None:
    assert opening_now(server(Availability())) == EVERYWHERE


def test_what_the_owner_chose_stays_on_every_machine() -> None:
    owners = {"base_model": "minilm", "preset": "notebook"}
    services = server(machine("cuda", **HAS_CLASSIC), owners)
    assert opening_now(services) == Opening("minilm", CLASSIC.dataset, "notebook")
    assert opening_everywhere(services) == Opening("minilm", EVERYWHERE.dataset, "notebook")


def test_the_owner_may_choose_each_part_or_none() -> None:
    assert owners_choice(read_settings({})) == {}
    environment = {
        "QLORA_DEFAULT_BASE_MODEL": "bert-base-cased",
        "QLORA_DEFAULT_DATASET": "mrpc",
        "QLORA_DEFAULT_PRESET": "standard",
    }
    assert Opening(**owners_choice(read_settings(environment))) == CLASSIC
    assert owners_choice(read_settings({"QLORA_DEFAULT_DATASET": "mrpc"})) == {"dataset": "mrpc"}


@pytest.mark.parametrize(
    ("variable", "offered"),
    [("BASE_MODEL", "minilm, bert-base-cased"), ("DATASET", "pairs, mrpc"), ("PRESET", "quick, standard")],
)
@pytest.mark.parametrize("name", ["quik", "/srv/pairs.csv", "file"])
def test_what_there_is_not_is_refused_with_what_there_is(variable: str, offered: str, name: str) -> None:
    settings = read_settings({f"QLORA_DEFAULT_{variable}": name})
    with pytest.raises(ConfigError, match=f"^The variable QLORA_DEFAULT_{variable} cannot be '{name}': .+ {offered}"):
        owners_choice(settings)
