"""The real app.py as ZeroGPU starts it, on a machine without a GPU: python -m tests.space.served.

torch's CPU build lacks what ``spaces`` touches; that alone is pretended. A loan's length is counted in looks at it, so
that nothing hangs on this machine's speed: the file LOANS_FILE says how many, or "hold" to stand still.
"""

import os
import time
from pathlib import Path

import bitsandbytes
import torch

torch.version.cuda = "12.8"
torch._C._cuda_init = lambda: None
torch.cuda._is_in_bad_fork = bool

from spaces.zero import torch as lent_torch  # noqa: E402

import qlora_core.server.zerogpu.first  # noqa: E402, F401


def take_device(uuid: str) -> None:
    """What ``spaces`` does in the forked process: name the device and touch it. Who has it is noted."""
    os.environ["CUDA_VISIBLE_DEVICES"] = uuid
    with Path(os.environ[DEVICE_FILE]).open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


lent_torch.init = take_device
lent_torch.move = lambda **_: None
torch.cuda.is_available = lambda: False
del bitsandbytes  # imported before anything was patched: its library for CPUs is the one that is loaded

import app  # noqa: E402
from qlora_core.loans import Loan, LoanEnd  # noqa: E402
from qlora_core.server.services import Services  # noqa: E402
from qlora_core.server.zerogpu import carrying  # noqa: E402
from tests.space.device_api import DEVICE_FILE, LOANS_FILE  # noqa: E402


class CountedLoan(Loan):
    """Over after so many looks."""

    looks = 0

    @property
    def end(self) -> LoanEnd | None:
        """As the file says."""
        self.looks += 1
        while (said := Path(os.environ[LOANS_FILE]).read_text(encoding="ascii")) == "hold" and not self._given_back:
            time.sleep(0.01)
        return self._given_back or (LoanEnd.USED_UP if said != "hold" and self.looks > int(said) else None)


def start(self: Services) -> None:
    """The queue alone: the doctor and the process that has the libraries loaded cost more than all these tests."""
    self.queue.start()


if __name__ == "__main__":
    carrying.Loan = CountedLoan  # type: ignore[misc]
    carrying.NEWS_SECONDS = 0.05
    Services.start = start  # type: ignore[method-assign]
    app.main()
