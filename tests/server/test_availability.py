"""What works here is found out by another process and one connection; until then everything counts as working."""

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from qlora_core.choices import SCHEMES
from qlora_core.server import availability
from qlora_core.server.availability import Availability, explain, hub_is_reachable
from qlora_core.server.findings import Code, Finding

NOT_HERE = {"code": "not_here", "error": "google-bert/x is not on this machine and the hub cannot be reached. Connect."}
WORKS = {"code": "works"}
FINDINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("base_model", "minilm"): {"code": "found", "source": "package"},
    ("base_model", "bert-base-cased"): NOT_HERE,
    ("base_model", "bert-base-uncased"): {"code": "found", "source": "hub"},
    ("dataset", "pairs"): {"code": "found", "source": "bundled pairs", "train": 3308, "validation": 484},
    ("dataset", "mrpc"): NOT_HERE,
    **{("quantization", name): WORKS for name in SCHEMES},
}


def records(changes: dict[tuple[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, **facts} for (kind, name), facts in (FINDINGS | changes).items()]


def report(**changes: dict[str, Any]) -> dict[str, Any]:
    """A doctor's report of a machine on which everything works that needs no hub; changes are named kind__name."""
    found = records({(kind, name): facts for key, facts in changes.items() for kind, name in [key.split("__")]})
    return {"environment": {"device_name": "AMD EPYC", "compute_dtype": "bfloat16"}, "findings": found}


def doctor(text: str, status: int = 0, *, seconds: float = 0.0) -> list[str]:
    """A command that prints ``text`` and ends with ``status``."""
    program = "import sys, time; time.sleep(float(sys.argv[3])); print(sys.argv[1]); sys.exit(int(sys.argv[2]))"
    return [sys.executable, "-c", program, text, str(status), str(seconds)]


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")  # where nothing answers


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Something that accepts connections where the hub should be."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield server


def known(text: dict[str, Any]) -> Availability:
    result = Availability(doctor(json.dumps(text)))
    result.start()
    assert result.wait(30)
    return result


def test_what_works_has_no_reason_against_it() -> None:
    here = known(report())
    works = [("base_model", "minilm"), ("base_model", "bert-base-uncased"), ("dataset", "pairs")]
    works += [("quantization", name) for name in SCHEMES]
    assert {here.reason(kind, name) for kind, name in works} == {""}


def test_without_a_hub_what_is_not_here_names_what_is() -> None:
    here = known(report())
    assert here.reason("base_model", "bert-base-cased") == (
        "bert-base-cased is not on this server, which cannot reach the Hugging Face hub to download it: choose minilm."
    )
    assert here.reason("dataset", "mrpc").endswith("choose pairs.")


@pytest.mark.usefixtures("hub")
def test_what_the_hub_can_deliver_works() -> None:
    here = known(report())
    assert here.reason("base_model", "bert-base-cased") == here.reason("dataset", "mrpc") == ""


@pytest.mark.usefixtures("hub")
def test_a_hub_does_not_help_against_damaged_files(caplog: pytest.LogCaptureFixture) -> None:
    error = "The folder '/srv/private' has no mrpc/train-00000-of-00001.parquet."
    here = known(report(dataset__mrpc={"code": "damaged", "error": error}))
    assert here.reason("dataset", "mrpc") == (
        "The files of mrpc on this server are incomplete or damaged: choose pairs."
    )
    assert "/srv/private" in caplog.text


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("code", ["not_installed", "damaged", "not_here"])
def test_a_missing_built_in_model_is_not_looked_for_on_the_hub(code: str) -> None:
    changed = report(base_model__minilm={"code": code, "error": "The base model 'minilm' is not to be had."})
    findings = [Finding.model_validate(record) for record in changed["findings"]]
    reasons = explain(findings, hub_is_reachable=True)
    assert reasons["base_model", "minilm"].startswith("minilm is missing from this installation: choose another")


def test_a_quantisation_that_fails_names_those_that_work() -> None:
    fails = {"code": "fails", "error": "no kernel <b>"}
    assert known(report(quantization__int8=fails)).reason("quantization", "int8") == (
        "bitsandbytes cannot compute with int8 weights on this machine: choose nf4 or fp4 or none."
    )


def test_device_is_told_in_words() -> None:
    assert known(report()).device == "AMD EPYC, computes in bfloat16"


def test_until_the_doctor_has_spoken_everything_counts_as_working() -> None:
    waiting = Availability(doctor(json.dumps(report()), seconds=1.0))
    waiting.start()
    assert not waiting.wait(0.01)
    assert waiting.reason("base_model", "bert-base-cased") == waiting.device == ""
    assert waiting.wait(30)
    assert waiting.reason("base_model", "bert-base-cased") != ""


@pytest.mark.parametrize(
    "command",
    [doctor("broken", status=1), doctor("no JSON"), doctor("[]"), doctor("{}"), ["/nonexistent/doctor"]],
    ids=["fails", "no-json", "list", "empty", "missing"],
)
def test_a_failing_doctor_leaves_everything_unknown_and_is_logged(
    command: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        here = Availability(command)
        here.start()
        assert not here.wait(30)
    assert here.reason("base_model", "bert-base-cased") == here.device == ""
    assert "the doctor failed" in caplog.text


def test_a_doctor_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(availability, "DOCTOR_SECONDS", 0.2)
    here = Availability(doctor("{}", seconds=60))
    here.start()
    assert not here.wait(20)
    assert "timed out" in caplog.text


@pytest.mark.usefixtures("hub")
def test_the_hub_answers() -> None:
    assert hub_is_reachable()


def test_nobody_answers() -> None:
    assert not hub_is_reachable()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:port", "not an address", "http://127.0.0.1:99999"])
def test_an_endpoint_that_is_no_address_is_not_reachable(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert not hub_is_reachable()


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_a_hub_that_is_switched_off_is_not_asked(
    value: str, hub: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    hub.settimeout(0.1)
    assert not hub_is_reachable()
    with pytest.raises(TimeoutError):
        hub.accept()


def test_a_proxy_is_asked_in_place_of_the_hub(hub: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{hub.getsockname()[1]}")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    assert hub_is_reachable()


def test_everything_that_can_be_downloaded_has_an_alternative_that_is_built_in() -> None:
    built_in = {name for (_, name), instead in availability.INSTEAD.items() if not instead}
    assert built_in == {"minilm", "pairs"}
    assert {instead for instead in availability.INSTEAD.values() if instead} == built_in


@pytest.mark.parametrize("words", ["", "found: ", "is not on this machine", "works"])
def test_words_decide_nothing(words: str) -> None:
    findings = [Finding(kind="dataset", name="mrpc", code=code, error=words) for code in Code]
    for finding in findings:
        reasons = {explain([finding], hub_is_reachable=reachable)["dataset", "mrpc"] for reachable in (True, False)}
        assert ("" in reasons) == (finding.code in (Code.FOUND, Code.WORKS, Code.NOT_HERE))


def test_the_real_command_is_understood(environment: dict[str, str]) -> None:
    output = subprocess.run(availability.DOCTOR, env=environment, capture_output=True, text=True, check=True).stdout
    findings = [Finding.model_validate(record) for record in json.loads(output)["findings"]]
    reasons = explain(findings, hub_is_reachable=True)
    assert reasons["base_model", "minilm"] == reasons["dataset", "pairs"] == ""
    assert {name for kind, name in reasons if kind == "quantization"} == set(SCHEMES)


def test_no_heavy_library_is_imported(environment: dict[str, str]) -> None:
    modules = "qlora_core.server.availability, qlora_core.server.estimates"
    program = f"import sys, {modules}; print({{'torch', 'transformers'}} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "set()"
