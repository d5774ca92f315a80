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
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from qlora_core.child_process import child_environment, module_command
from qlora_core.data.catalog import DATASETS
from qlora_core.models.catalog import offered_base_models
from qlora_core.server.findings import Code, Examination, Finding, Kind, Obstacle, Unavailable
from qlora_core.settings import read_settings

log = logging.getLogger(__name__)

DOCTOR = module_command("qlora_core", "doctor", "--json")
DOCTOR_SECONDS = 180.0
CONNECT_SECONDS = 2.0
NICENESS = 10
PORTS = {"http": 80, "https": 443}
Known = dict[tuple[str, str], Unavailable]


class Availability:
    """For every base model, dataset and quantisation, whether a run on this machine may name it."""

    def __init__(self, doctor: Sequence[str] = DOCTOR) -> None:
        self._doctor = list(doctor)
        self._ended = Event()
        self._is_known = False
        self._unavailable: Known = {}
        self._findings: list[Finding] = []
        self._device = ""

    def start(self) -> None:
        """Begin to look; returns at once."""
        Thread(target=self._examine, name="availability", daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until it is known what works; False where it is not known."""
        self._ended.wait(timeout)
        return self._is_known

    def obstacle(self, kind: str, name: str) -> Unavailable | None:
        """What keeps a run here from using something; None where it works or nothing is known yet.

        Args:
            kind: base_model, dataset or quantization, as ``RunConfig``'s fields are called.
            name: one of that field's values.
        """
        return self._unavailable.get((kind, name))

    def finding(self, kind: Kind, name: str) -> Finding | None:
        """What was found out about something; None while nothing is known yet."""
        return next((each for each in self._findings if (each.kind, each.name) == (kind, name)), None)

    @property
    def has_gpu(self) -> bool:
        """Whether runs here compute on something faster than the CPU; False while nothing is known yet."""
        return self._device not in ("", "cpu")

    def _examine(self) -> None:
        try:
            examined = self._ask_doctor()
            found = unavailable(examined.findings, hub_is_reachable=hub_is_reachable())
            device = str(examined.environment.get("device", ""))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError) as error:
            log.warning("What works on this machine is not known, because the doctor failed: %s", error)
        else:
            self._findings, self._unavailable, self._device = examined.findings, found, device
            self._is_known = True
        finally:
            self._ended.set()

    def _ask_doctor(self) -> Examination:
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
        report = json.loads(output)
        findings = [Finding.model_validate(record) for record in report["findings"]]
        return Examination(report["environment"], findings)


def unavailable(findings: Sequence[Finding], *, hub_is_reachable: bool) -> Known:
    """By field and value, what a run here cannot use.

    What went wrong in detail is for whoever runs the machine, and goes to the log.
    """
    working = tuple(each.name for each in findings if each.kind == "quantization" and each.code == Code.WORKS)
    found: Known = {}
    for finding in findings:
        if finding.kind == "folder":  # no run is refused for it: what is here already can be read
            if not finding.ok:
                log.warning("%s: %s", finding.name, finding.error)
            continue
        obstacle = _obstacle(finding, hub_is_reachable)
        if obstacle is not None:
            instead = working if finding.kind == "quantization" else tuple(filter(None, [_alternative(finding)]))
            found[finding.kind, finding.name] = Unavailable(finding.name, obstacle, instead)
        if obstacle not in (None, Obstacle.OUT_OF_REACH):
            log.warning("%s %s: %s", finding.kind, finding.name, finding.error)
    return found


def _obstacle(finding: Finding, hub_is_reachable: bool) -> Obstacle | None:
    if finding.ok:
        return None
    if finding.code == Code.FAILS:
        return Obstacle.CANNOT_COMPUTE
    if not _alternative(finding):  # what has none comes with this program
        return Obstacle.NOT_INSTALLED
    if finding.code == Code.NOT_HERE:
        return None if hub_is_reachable else Obstacle.OUT_OF_REACH
    return Obstacle.DAMAGED


def alternatives() -> dict[tuple[str, str], str]:
    """What to choose instead of what can be had from the hub; "" where something comes with this program."""
    return {
        **{("base_model", name): entry.instead for name, entry in offered_base_models().items()},
        **{("dataset", name): entry.instead for name, entry in DATASETS.items()},
    }


def _alternative(finding: Finding) -> str:
    return alternatives().get((finding.kind, finding.name), "")


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
