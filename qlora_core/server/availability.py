"""What works on this machine, found out in the background while the page is already there.

The doctor's command looks for models and data and tries the quantisations in a process of its own, so that a page's
server does not have to import torch; whether the hub can be reached is asked here. Until both are known, everything
counts as working.
"""

import json
import logging
import os
import socket
import subprocess
from collections.abc import Sequence
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from qlora_core.child_process import child_environment, module_command
from qlora_core.data.catalog import DATASETS
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.server.findings import Code, Finding
from qlora_core.settings import read_settings

log = logging.getLogger(__name__)

DOCTOR = module_command("qlora_core", "doctor", "--json")
DOCTOR_SECONDS = 180.0
CONNECT_SECONDS = 2.0
NICENESS = 10
PORTS = {"http": 80, "https": 443}
INSTEAD = {
    **{("base_model", name): entry.instead for name, entry in BASE_MODELS.items()},
    **{("dataset", name): entry.instead for name, entry in DATASETS.items()},
}
Reasons = dict[tuple[str, str], str]


class Availability:
    """For every base model, dataset and quantisation, whether a run on this machine may name it."""

    def __init__(self, doctor: Sequence[str] = DOCTOR) -> None:
        self._doctor = list(doctor)
        self._ended = Event()
        self._reasons: Reasons = {}
        self._device = ""

    def start(self) -> None:
        """Begin to look; returns at once."""
        Thread(target=self._examine, name="availability", daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until it is known what works; False where it is not known."""
        self._ended.wait(timeout)
        return bool(self._reasons)

    def reason(self, kind: str, name: str) -> str:
        """Why something cannot be used here and what to do, in one sentence; "" where it works or is not known yet.

        Args:
            kind: base_model, dataset or quantization, as ``RunConfig``'s fields are called.
            name: one of that field's values.
        """
        return self._reasons.get((kind, name), "")

    @property
    def device(self) -> str:
        """The processor's name and the number type it computes in; "" while unknown."""
        return self._device

    def _examine(self) -> None:
        try:
            report = self._ask_doctor()
            findings = [Finding.model_validate(record) for record in report["findings"]]
            reasons, device = explain(findings, hub_is_reachable=hub_is_reachable()), describe_device(report)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError) as error:
            log.warning("What works on this machine is not known, because the doctor failed: %s", error)
        else:
            self._reasons, self._device = reasons, device
        finally:
            self._ended.set()

    def _ask_doctor(self) -> dict[str, Any]:
        with subprocess.Popen(
            self._doctor,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            try:
                output, errors = process.communicate(timeout=DOCTOR_SECONDS)
            finally:
                process.kill()
        if process.returncode != 0:
            raise ValueError(f"exit status {process.returncode}: {errors.strip()[-300:]}")
        report: dict[str, Any] = json.loads(output)
        return report


def describe_device(report: dict[str, Any]) -> str:
    """A doctor's report on the device, in words."""
    environment = report["environment"]
    return f"{environment['device_name']}, computes in {environment['compute_dtype']}"


def explain(findings: Sequence[Finding], *, hub_is_reachable: bool) -> Reasons:
    """By field and value, why a run here cannot use it; "" where it can.

    What went wrong in detail is for whoever runs the machine, and goes to the log.
    """
    working = [finding.name for finding in findings if finding.code == Code.WORKS]
    return {(finding.kind, finding.name): _why_not(finding, working, hub_is_reachable) for finding in findings}


def _why_not(finding: Finding, working: list[str], hub_is_reachable: bool) -> str:
    name, instead = finding.name, INSTEAD.get((finding.kind, finding.name), "")
    if finding.ok or (finding.code == Code.NOT_HERE and instead and hub_is_reachable):
        return ""
    if finding.code == Code.NOT_HERE and instead:
        return (
            f"{name} is not on this server, which cannot reach the Hugging Face hub to download it: choose {instead}."
        )
    log.warning("%s %s: %s", finding.kind, name, finding.error)
    if finding.code == Code.FAILS:
        advice = f"choose {' or '.join(working)}" if working else "whoever runs this server has to look at its log"
        return f"bitsandbytes cannot compute with {name} weights on this machine: {advice}."
    if instead:
        return f"The files of {name} on this server are incomplete or damaged: choose {instead}."
    return f"{name} is missing from this installation: choose another, or ask whoever runs this server to install it."


def hub_is_reachable() -> bool:
    """Whether something answers where the hub (or its mirror, HF_ENDPOINT) should be; never where it is switched off.

    One connection is opened, through the proxy if the environment names one, and nothing is sent.
    """
    if read_settings().hub_is_off:
        return False
    try:
        with socket.create_connection(_hub_address(), timeout=CONNECT_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _hub_address() -> tuple[str, int]:
    url = urlsplit(read_settings().hub_endpoint)
    proxy = getproxies().get(url.scheme)
    if proxy and not proxy_bypass(url.hostname or ""):
        url = urlsplit(proxy)
    return url.hostname or "", url.port or PORTS.get(url.scheme, 443)
