"""Asking ZeroGPU for a GPU: the one decorated function, and what keeps it from being lent, as codes.

``spaces`` raises Gradio's errors: of those that it raises itself, the title is what tells them apart.
"""

import pickle
import queue
from collections.abc import Callable, Generator
from typing import Any

from qlora_core.language import Message
from qlora_core.loans import LoanEnd
from qlora_core.server.zerogpu.carrying import carry_forward, load_libraries

News = Generator[dict[str, Any], None, None]
Lend = Callable[[str, float], News]  #: run directory, seconds
#: What ZeroGPU calls the sizes of a loan, and how much of a GPU they are.
SHARES = {"large": "half", "xlarge": "whole"}
#: Titles of the errors that ``spaces`` raises (zero/client.py, zero/wrappers.py).
TITLES = {
    "ZeroGPU quota exceeded": LoanEnd.QUOTA,
    "ZeroGPU pending credits exceeded": LoanEnd.PENDING,
    "ZeroGPU illegal duration": LoanEnd.DURATION,
    "ZeroGPU queue timeout": LoanEnd.QUEUE,
}
#: Messages of those that share a title.
MESSAGES = {
    "GPU task aborted": LoanEnd.ABORTED,
    "No GPU was available": LoanEnd.NONE_FREE,
    "Expired ZeroGPU proxy token": LoanEnd.EXPIRED,
}
#: Ends of which ZeroGPU tells more, such as when a quota returns.
TOLD = (LoanEnd.QUOTA, LoanEnd.DURATION)


class Refused(Exception):
    """No GPU was lent, or it was taken away."""

    def __init__(self, end: LoanEnd, told: str | Message = "") -> None:
        super().__init__(end, told)
        self.end, self.told = end, told


def make_lender() -> Lend:
    """Decorate the function, as ZeroGPU wants it before the page is served, and load the libraries for its forks.

    The function that is returned asks for a GPU in the context of its caller, whose request has the visitor's token,
    and carries a run forward on it. It raises ``Refused``.
    """
    import gradio
    import httpx
    import spaces
    from spaces import zero

    share = SHARES[zero.default_gpu_size() or "large"]
    decorated = spaces.GPU(duration=_seconds_asked_for)(carry_forward)
    load_libraries()

    def lend(run_directory: str, seconds: float) -> News:
        try:
            yield from decorated(run_directory, seconds, share)
        except gradio.Error as error:
            raise refusal(error.title, str(error.message)) from error
        except (httpx.HTTPError, RuntimeError, OSError, queue.Empty, pickle.PicklingError) as error:
            raise Refused(LoanEnd.NO_ANSWER) from error

    return lend


def refusal(title: str, message: str) -> Refused:
    """An error of ``spaces`` as a code, and what ZeroGPU says besides."""
    end = TITLES.get(title) or MESSAGES.get(message, LoanEnd.FAILED)
    return Refused(end, " ".join(message.split()) if end in TOLD else "")


def _seconds_asked_for(run_directory: str, seconds: float, share: str) -> float:
    """``duration`` of the decorated function, which is called with its arguments."""
    del run_directory, share
    return seconds
