"""Starting this package's programs in processes of their own, from wherever the parent was started."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import NoReturn

import psutil

#: Set in a Space whose GPUs are lent.
ZERO_GPU_VARIABLE = "SPACES_ZERO_GPU"
#: What a child of such a Space has in its place.
LENT_ELSEWHERE = "QLORA_GPUS_ARE_LENT"
PACKAGE_PARENT = Path(__file__).resolve().parent.parent


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs ``module`` with this Python."""
    return [sys.executable, "-m", module, *arguments]


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment, with which a child finds the package in whichever folder it runs.

    On ZeroGPU a GPU is lent to one process at a time, never to a child: it is to see none, and not to be patched by the
    package ``spaces`` as the page's process is.
    """
    path = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": os.pathsep.join(path)}
    if environment.pop(ZERO_GPU_VARIABLE, None) is not None:
        environment |= {"CUDA_VISIBLE_DEVICES": "", LENT_ELSEWHERE: "true"}
    return environment | changes


def gpus_are_lent() -> bool:
    """Whether this is a program of a Space whose GPUs are lent, whether or not one is lent to this process."""
    return any(os.environ.get(name) for name in (ZERO_GPU_VARIABLE, LENT_ELSEWHERE))


def limit_memory(size: int) -> None:
    """Let this process take ``size`` bytes beyond what it has; elsewhere than on Linux, nothing is limited."""
    if sys.platform == "linux":
        most = psutil.Process().memory_info().vms + size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def end_with_parent() -> None:
    """Let this process end when the one that started it ends, however that does: it holds the pipe that is our input.

    The parent starts us with ``stdin=subprocess.PIPE`` and writes nothing.
    """
    Thread(target=_end_after_input, name="parent", daemon=True).start()


def _end_after_input() -> NoReturn:
    with suppress(OSError):
        while os.read(0, 1024):
            pass
    os._exit(1)
