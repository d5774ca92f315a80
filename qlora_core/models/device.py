"""The machine a run happens on: device, number type, processes, versions."""

import os
import platform
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import joblib
import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import parse_flag_from_env

from qlora_core.config import RunConfig
from qlora_core.models.quantization import Compute, choose_compute

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "accelerate",
    "datasets",
    "evaluate",
    "numpy",
    "tokenizers",
)
MIXED_PRECISION = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "no"}


def process_state() -> PartialState:
    """Which of how many processes this is, and on which device.

    accelerate looks for companions on CPUs only where it is told to use the CPU; without this, each of several
    processes on a machine that has no GPU would take itself for the only one.
    """
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU", not torch.accelerator.is_available()))


def use_allowed_cores() -> None:
    """Let torch compute with no more threads than this process may use cores.

    torch counts the machine's; a container (a Space, for one) is often allowed a few of many, and threads that wait for
    each other's cores are slower than none. joblib knows quotas and affinities.
    """
    if torch.get_num_threads() > (allowed := joblib.cpu_count()):
        torch.set_num_threads(allowed)


def start_accelerator(config: RunConfig) -> tuple[Compute, Accelerator]:
    """Ask accelerate which device this process has, choose the number type for it, and set both up.

    Raises:
        ConfigError: the number type asked for cannot be computed on this device.
    """
    use_allowed_cores()
    compute = choose_compute(config.bnb_4bit_compute_dtype, process_state().device)
    AcceleratorState._reset_state()  # accelerate refuses a second number type, but a process may open several runs
    return compute, Accelerator(mixed_precision=MIXED_PRECISION[compute.dtype])


def describe_environment(compute: Compute, accelerator: Accelerator) -> dict[str, Any]:
    """Versions, device and threads, as they are shown beside every result."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": package_versions(),
        "device": str(compute.device.type),
        "device_name": device_name(compute.device),
        "compute_dtype": str(compute.dtype).removeprefix("torch."),
        "compute_dtype_reason": compute.reason,
        "attn_implementation": compute.attn_implementation,
        "threads": torch.get_num_threads(),
        "cpu_count": os.cpu_count(),
        "processes": accelerator.num_processes,
    }


def package_versions() -> dict[str, str]:
    """Installed versions of the libraries a result depends on; "missing" where one is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def device_name(device: torch.device) -> str:
    """The processor's name as its maker gives it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine())


def peak_rss_bytes() -> int:
    """The most memory this process has held so far, in bytes (getrusage's ru_maxrss)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_gpu_bytes(device: torch.device) -> int | None:
    """The most GPU memory torch has held so far, in bytes; None without a GPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
