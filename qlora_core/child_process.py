"""Starting this package's programs in processes of their own, from wherever the parent was started."""

import os
import resource
import sys
from pathlib import Path

import psutil

PACKAGE_PARENT = Path(__file__).resolve().parent.parent


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs ``module`` with this Python."""
    return [sys.executable, "-m", module, *arguments]


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment, with which a child finds the package in whichever folder it runs."""
    path = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": os.pathsep.join(path), **changes}


def limit_memory(size: int) -> None:
    """Let this process take ``size`` bytes beyond what it has; elsewhere than on Linux, nothing is limited."""
    if sys.platform == "linux":
        most = psutil.Process().memory_info().vms + size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
