"""What works here is found out by another process and one connection; until then everything counts as working."""

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qlora_core.choices import SCHEMES
from qlora_core.server import availability
from qlora_core.server.availability import Availability, hub_is_reachable, unavailable
from qlora_core.server.findings import Code, Finding, Obstacle, Unavailable

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


def doctor(text: str, status: int = 0) -> list[str]:
    """A command that prints ``text`` and ends with ``status``."""
    return [sys.executable, "-c", "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))", text, str(status)]


def patient_doctor(text: str, awaited: Path) -> list[str]:
    """A command that prints ``text`` as soon as a file is there."""
    program = "import os, sys, time\nwhile not os.path.exists(sys.argv[2]): time.sleep(0.01)\nprint(sys.argv[1])"
    return [sys.executable, "-c", program, text, str(awaited)]


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
    assert result.wait(60)
    return result


def test_what_works_has_nothing_against_it() -> None:
    here = known(report())
    works = [("base_model", "minilm"), ("base_model", "bert-base-uncased"), ("dataset", "pairs")]
    works += [("quantization", name) for name in SCHEMES]
    assert {here.obstacle(kind, name) for kind, name in works} == {None}


@pytest.mark.parametrize(("device", "expected"), [("cpu", False), ("cuda", True), ("", False)])
def test_whether_there_is_a_gpu_is_known_with_the_rest(device: str, expected: bool) -> None:
    assert not Availability().has_gpu
    assert known(report() | {"environment": {"device": device}}).has_gpu is expected


def test_without_a_hub_what_is_not_here_names_what_is() -> None:
    here = known(report())
    assert here.obstacle("base_model", "bert-base-cased") == Unavailable(
        "bert-base-cased", Obstacle.OUT_OF_REACH, ("minilm",)
    )
    assert here.obstacle("dataset", "mrpc") == Unavailable("mrpc", Obstacle.OUT_OF_REACH, ("pairs",))


@pytest.mark.usefixtures("hub")
def test_what_the_hub_can_deliver_works() -> None:
    here = known(report())
    assert here.obstacle("base_model", "bert-base-cased") is here.obstacle("dataset", "mrpc") is None


@pytest.mark.usefixtures("hub")
def test_a_hub_does_not_help_against_damaged_files(caplog: pytest.LogCaptureFixture) -> None:
    error = "The folder '/srv/private' has no mrpc/train-00000-of-00001.parquet."
    here = known(report(dataset__mrpc={"code": "damaged", "error": error}))
    assert here.obstacle("dataset", "mrpc") == Unavailable("mrpc", Obstacle.DAMAGED, ("pairs",))
    assert "/srv/private" in caplog.text


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("code", ["not_installed", "damaged", "not_here"])
def test_a_missing_built_in_model_is_not_looked_for_on_the_hub(code: str) -> None:
    changed = report(base_model__minilm={"code": code, "error": "The base model 'minilm' is not to be had."})
    findings = [Finding.model_validate(record) for record in changed["findings"]]
    found = unavailable(findings, hub_is_reachable=True)
    assert found == {("base_model", "minilm"): Unavailable("minilm", Obstacle.NOT_INSTALLED, ())}


def test_a_quantisation_that_fails_names_those_that_work() -> None:
    fails = {"code": "fails", "error": "no kernel <b>"}
    assert known(report(quantization__int8=fails)).obstacle("quantization", "int8") == Unavailable(
        "int8", Obstacle.CANNOT_COMPUTE, ("nf4", "fp4", "none")
    )


def test_until_the_doctor_has_spoken_everything_counts_as_working(tmp_path: Path) -> None:
    waiting = Availability(patient_doctor(json.dumps(report()), tmp_path / "speak"))
    waiting.start()
    assert not waiting.wait(0.01)
    assert waiting.obstacle("base_model", "bert-base-cased") is None
    (tmp_path / "speak").touch()
    assert waiting.wait(60)
    assert waiting.obstacle("base_model", "bert-base-cased") is not None


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
        assert not here.wait(60)
    assert here.obstacle("base_model", "bert-base-cased") is None
    assert "the doctor failed" in caplog.text


def test_a_doctor_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(availability, "DOCTOR_SECONDS", 0.2)
    here = Availability(patient_doctor("{}", tmp_path / "never"))
    here.start()
    assert not here.wait(60)
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
    built_in = {name for (_, name), instead in availability.alternatives().items() if not instead}
    assert built_in == {"minilm", "pairs"}
    assert {instead for instead in availability.alternatives().values() if instead} == built_in


@pytest.mark.parametrize("words", ["", "found: ", "is not on this machine", "works"])
def test_words_decide_nothing(words: str) -> None:
    findings = [Finding(kind="dataset", name="mrpc", code=code, error=words) for code in Code]
    for finding in findings:
        works = [not unavailable([finding], hub_is_reachable=reachable) for reachable in (True, False)]
        assert works == [finding.ok or finding.code == Code.NOT_HERE, finding.ok]


def test_the_real_command_is_understood(environment: dict[str, str]) -> None:
    output = subprocess.run(availability.DOCTOR, env=environment, capture_output=True, text=True, check=True).stdout
    findings = [Finding.model_validate(record) for record in json.loads(output)["findings"]]
    assert {finding.name for finding in findings if finding.kind == "quantization"} == set(SCHEMES)
    found = unavailable(findings, hub_is_reachable=True)
    assert not {("base_model", "minilm"), ("dataset", "pairs")} & set(found)


def test_a_folder_keeps_no_run_from_starting_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    fails = {"code": "fails", "error": "Nothing can be written to the folder /hub: Read-only file system."}
    told = report(folder__HF_HOME=fails, folder__TMPDIR=WORKS, quantization__int8={"code": "fails", "error": "x"})
    found = unavailable([Finding.model_validate(one) for one in told["findings"]], hub_is_reachable=True)
    assert list(found) == [("quantization", "int8")]
    assert set(found["quantization", "int8"].instead) == set(SCHEMES) - {"int8"}
    assert f"HF_HOME: {fails['error']}" in caplog.text
