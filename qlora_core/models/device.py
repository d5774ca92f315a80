"""The machine a run happens on: device, number type, processes, versions."""

import hashlib
import json
import os
import platform
import resource
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import joblib
import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState

from qlora_core.choices import ComputeDtype
from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError
from qlora_core.language import N_
from qlora_core.settings import read_settings

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


@dataclass(frozen=True)
class Compute:
    """What the matrix products of a run are computed on and in."""

    device: torch.device
    dtype: torch.dtype
    attn_implementation: str
    reason: str  #: why this number type, in words of the catalogue


def choose_compute(requested: ComputeDtype, device: torch.device) -> Compute:
    """Choose the number type that is fastest on ``device``, or check the one asked for.

    Raises:
        ConfigError: float16 was asked for on a CPU.
    """
    fastest, reason = _fastest_dtype(device)
    # On a CPU the fused attention kernel's backward pass is the slowest part of a bfloat16 step; plain
    # matrix products ("eager") are faster at these lengths.
    attention = "eager" if device.type == "cpu" else "sdpa"
    if requested == "auto":
        return Compute(device, fastest, attention, reason)
    if requested == "float16" and device.type == "cpu":
        raise ConfigError(N_("float16 needs a GPU. Set bnb_4bit_compute_dtype to auto, bfloat16 or float32."))
    return Compute(device, getattr(torch, requested), attention, N_("asked for by bnb_4bit_compute_dtype"))


def _fastest_dtype(device: torch.device) -> tuple[torch.dtype, str]:
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, N_("the GPU computes bfloat16 natively")
        return torch.float16, N_("the GPU has float16 but no native bfloat16")
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        if capabilities.get("amx_bf16"):
            return torch.bfloat16, N_("the CPU multiplies bfloat16 matrices natively (AMX)")
        if capabilities.get("avx512_bf16"):
            return torch.bfloat16, N_("the CPU multiplies bfloat16 natively (AVX512-BF16)")
        return torch.float32, N_("the CPU has no native bfloat16 (neither AMX nor AVX512-BF16)")
    return torch.float32, N_("float32 is the safe choice on this device")


def process_state() -> PartialState:
    """Which of how many processes this is, and on which device.

    accelerate looks for companions on CPUs only where it is told to use the CPU; without this, each of several
    processes on a machine that has no GPU would take itself for the only one.
    """
    use_cpu = read_settings().use_cpu
    return PartialState(cpu=not torch.accelerator.is_available() if use_cpu is None else use_cpu)


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


def measuring_conditions(compute: Compute, accelerator: Accelerator) -> str:
    """A digest of what the last digits of answers depend on beside the model: machine, libraries, number type.

    Sums are taken in another order by another number of threads or another version.
    """
    described = describe_environment(compute, accelerator)
    names = ("versions", "platform", "device_name", "compute_dtype", "attn_implementation", "threads")
    return hashlib.sha256(json.dumps([described[name] for name in names]).encode()).hexdigest()


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
