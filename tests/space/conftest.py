"""A Space whose GPUs are lent: the real app.py, the real package ``spaces``, and a lender on loopback."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from gradio_client import Client
from gradio_client.client import Job

from qlora_core.config import RunConfig
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import free_port, wait_until
from tests.space.device_api import DEVICE_FILE, LOANS_FILE, DeviceApi, lending

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "a visitor's own secret"
TOKEN = "header.e30.signature"  #: what Hugging Face adds to a visitor's request; "e30" is {} in base64
ENDLESS = 10**9


@dataclass
class Space:
    """A served page, and the lender that it asks."""

    api: DeviceApi
    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    client: Client

    def lasts(self, looks: int | str) -> None:
        """How long loans last from now on: so many looks at them, or "hold" to stand still."""
        replacement = self.folder / "new"
        replacement.write_text(str(looks), encoding="ascii")
        replacement.rename(self.folder / "loans")

    def borrow(self, run: Run) -> Job:
        """A visitor's request for a GPU."""
        return self.client.submit(run.id, SECRET, api_name="/borrow_gpu")

    def had_device(self) -> list[int]:
        """Processes that have taken the device, in order."""
        path = self.folder / "device"
        return [int(line) for line in path.read_text(encoding="ascii").split()] if path.exists() else []


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """One server for all tests."""
    folder, port = tmp_path_factory.mktemp("space"), free_port()
    with lending() as api, (folder / "server.log").open("wb") as log:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GRADIO_SERVER_PORT": str(port),
            "QLORA_RUNS_DIR": str(folder / "runs"),
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{api.port}",
            LOANS_FILE: str(folder / "loans"),
            DEVICE_FILE: str(folder / "device"),
        }
        (folder / "loans").write_text(str(ENDLESS), encoding="ascii")
        command = [sys.executable, "-m", "tests.space.served"]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process:
            try:
                wait_until(lambda: is_served(port) or process.poll() is not None, 240)
                assert process.poll() is None, (folder / "server.log").read_text(encoding="utf-8")
                client = Client(f"http://127.0.0.1:{port}", headers={"x-ip-token": TOKEN}, verbose=False)
                yield Space(api, folder, port, process, client)
                client.close()
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
            finally:
                process.kill()


@pytest.fixture
def space(served: Space) -> Space:
    """The server with a lender that lends as long as one likes."""
    served.api.asked.clear()
    served.api.answer, served.api.is_idle = "", False
    served.lasts(ENDLESS)
    return served


@pytest.fixture
def run(space: Space, tiny_config: Callable[..., RunConfig]) -> Run:
    """A visitor's run that waits for a GPU."""
    return RunStore(space.folder / "runs").create(tiny_config(), SECRET, on_loan=True)


def is_served(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/gradio_api/startup-events", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
