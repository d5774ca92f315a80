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

log = logging.getLogger(__name__)

DOCTOR = module_command("qlora_core", "doctor", "--json")
DOCTOR_SECONDS = 180.0
CONNECT_SECONDS = 2.0
NICENESS = 10
HUB = "https://huggingface.co"
PORTS = {"http": 80, "https": 443}
TRUE_WORDS = ("1", "ON", "YES", "TRUE")
#: The doctor looks at this machine only. These words of ``hub.fetch`` are the one reason that a hub does away with.
HUB_IS_NEEDED = "is not on this machine"
#: What can be had from the hub where it is not on this machine yet, and what to choose instead where it cannot.
ON_THE_HUB = {"bert-base-cased": "minilm", "bert-base-uncased": "minilm", "mrpc": "pairs"}
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
            reasons, device = explain(report, hub_is_reachable=hub_is_reachable()), describe_device(report)
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


def explain(report: dict[str, Any], *, hub_is_reachable: bool) -> Reasons:
    """By field and value, why a run here cannot use it; "" where it can.

    The doctor's own words are for whoever runs the machine, name folders and options of the command line, and go to the
    log.
    """
    reasons: Reasons = {}
    for kind, section in (("base_model", "base_models"), ("dataset", "datasets")):
        for name, words in report[section].items():
            reasons[kind, name] = _why_not_found(name, words, hub_is_reachable)
    working = [name for name, words in report["quantization"].items() if words == "works"]
    for name, words in report["quantization"].items():
        reasons["quantization", name] = "" if words == "works" else _why_not_computed(name, words, working)
    return reasons


def _why_not_found(name: str, words: str, hub_is_reachable: bool) -> str:
    if words.startswith("found: "):
        return ""
    alternative = ON_THE_HUB.get(name)
    if alternative is None:
        log.warning("%s: %s", name, words)
        return (
            f"{name} is missing from this installation: choose another, or ask whoever runs this server to install it."
        )
    if HUB_IS_NEEDED not in words:
        log.warning("%s: %s", name, words)
        return f"The files of {name} on this server are incomplete or damaged: choose {alternative}."
    if hub_is_reachable:
        return ""
    return (
        f"{name} is not on this server, which cannot reach the Hugging Face hub to download it: choose {alternative}."
    )


def _why_not_computed(name: str, words: str, working: list[str]) -> str:
    log.warning("quantization %s: %s", name, words)
    advice = f"choose {' or '.join(working)}" if working else "whoever runs this server has to look at its log"
    return f"bitsandbytes cannot compute with {name} weights on this machine: {advice}."


def hub_is_reachable() -> bool:
    """Whether something answers where the hub (or its mirror, HF_ENDPOINT) should be; never where it is switched off.

    One connection is opened, through the proxy if the environment names one, and nothing is sent.
    """
    if (os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or "").upper() in TRUE_WORDS:
        return False
    try:
        with socket.create_connection(_hub_address(), timeout=CONNECT_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _hub_address() -> tuple[str, int]:
    url = urlsplit(os.environ.get("HF_ENDPOINT") or HUB)
    proxy = getproxies().get(url.scheme)
    if proxy and not proxy_bypass(url.hostname or ""):
        url = urlsplit(proxy)
    return url.hostname or "", url.port or PORTS.get(url.scheme, 443)
