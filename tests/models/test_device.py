"""The machine a run happens on."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError
from qlora_core.models import device as environment
from qlora_core.models.device import (
    PACKAGES,
    choose_compute,
    describe_environment,
    device_name,
    package_versions,
    peak_gpu_bytes,
    peak_rss_bytes,
    start_accelerator,
)
from qlora_core.store.run import Run

CPU = torch.device("cpu")


@pytest.mark.parametrize("names", [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_one_process_can_set_up_runs_of_different_number_types(
    names: tuple[str, str], tiny_config: Callable[..., RunConfig]
) -> None:
    for name in names:
        compute, accelerator = start_accelerator(tiny_config(bnb_4bit_compute_dtype=name))
        assert compute.dtype == getattr(torch, name)
        assert accelerator.mixed_precision == {"float32": "no", "bfloat16": "bf16"}[name]


@pytest.mark.skipif(torch.cuda.is_available(), reason="accelerate takes the GPU, which has float16")
def test_float16_without_a_gpu_is_refused(tiny_config: Callable[..., RunConfig]) -> None:
    with pytest.raises(ConfigError, match="float16 needs a GPU"):
        start_accelerator(tiny_config(bnb_4bit_compute_dtype="float16"))


def test_description_says_what_is_computed_where_and_why(tiny_config: Callable[..., RunConfig]) -> None:
    compute, accelerator = start_accelerator(tiny_config())
    description = json.loads(json.dumps(describe_environment(compute, accelerator)))
    assert description["device"] == compute.device.type
    assert description["compute_dtype"] in ("float32", "bfloat16", "float16")
    assert description["compute_dtype_reason"] == compute.reason
    assert (description["threads"], description["processes"]) == (torch.get_num_threads(), 1)
    assert all(description.values())


@pytest.mark.parametrize(("allowed", "threads"), [(1, 1), (2, 2), (64, 2)])
def test_no_more_threads_than_the_process_may_use_cores(
    allowed: int, threads: int, tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr("joblib.cpu_count", lambda: allowed)
    torch.set_num_threads(2)
    try:
        description = describe_environment(*start_accelerator(tiny_config()))
    finally:
        torch.set_num_threads(before)
    assert description["threads"] == threads


#: The command line in a process that verifies the adapter itself.
TRAIN = """
import sys
from qlora_core.cli.main import main
from qlora_core.training import verify
verify.answer_in_fresh_process = verify.answer_from_files
sys.exit(main(sys.argv[1:]))
"""


def test_a_run_where_torch_and_onednn_use_no_new_instructions(
    finished_run: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    names = ["--base-model", finished_run.config.base_model, "--dataset", finished_run.config.dataset]
    command = [sys.executable, "-c", TRAIN, "train", *names, "--runs-dir", str(tmp_path), "--json"]
    settings = ("bnb_4bit_compute_dtype=float32", "num_train_epochs=2", "learning_rate=0.005", "bootstrap_samples=100")
    command += [f"--set={setting}" for setting in settings]
    old = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    process = subprocess.run(command, env=environment | old, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout)
    assert result["environment"]["compute_dtype"] == "float32"
    assert result["reload"]["verified"]
    assert result["metrics"]["finetuned"]["accuracy"] > 0.6


def test_versions_are_those_installed() -> None:
    assert package_versions() == {name: version(name) for name in PACKAGES}


def test_package_that_is_not_installed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("torch", "no-such-package"))
    assert package_versions()["no-such-package"] == "missing"


@pytest.mark.parametrize("capabilities", [{"cpu_name": "Test CPU"}, {}, {"cpu_name": ""}])
def test_processor_has_a_name_even_where_it_gives_none(
    capabilities: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert device_name(CPU)
    assert not capabilities.get("cpu_name") or device_name(CPU) == "Test CPU"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc to compare with")
def test_peak_memory_is_the_kernel_s_in_bytes() -> None:
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    assert peak_rss_bytes() == pytest.approx(1024 * kilobytes, rel=0.02)


def test_macos_gives_its_peak_in_bytes_already(monkeypatch: pytest.MonkeyPatch) -> None:
    linux = peak_rss_bytes()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peak_rss_bytes() == pytest.approx(linux / 1024, rel=0.02)


def test_there_is_no_gpu_memory_without_a_gpu() -> None:
    assert peak_gpu_bytes(CPU) is None


@pytest.mark.parametrize(
    ("capabilities", "dtype", "words"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, torch.bfloat16, "(AMX)"),
        ({"avx512_bf16": True}, torch.bfloat16, "(AVX512-BF16)"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32, "no native bfloat16"),
        ({}, torch.float32, "no native bfloat16"),
    ],
)
def test_auto_takes_bfloat16_on_a_cpu_that_has_it(
    capabilities: dict[str, bool], dtype: torch.dtype, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    compute = choose_compute("auto", torch.device("cpu"))
    assert (compute.dtype, compute.attn_implementation) == (dtype, "eager")
    assert words in compute.reason


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_auto_takes_bfloat16_on_a_gpu_only_where_it_is_native(
    native: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    compute = choose_compute("auto", torch.device("cuda"))
    assert (compute.dtype, compute.attn_implementation) == (dtype, "sdpa")
    assert compute.reason.startswith("the GPU computes" if native else "the GPU has float16")


def test_auto_takes_float32_on_another_device() -> None:
    assert choose_compute("auto", torch.device("mps")).dtype == torch.float32


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_number_type_asked_for_is_taken(name: Any) -> None:
    assert choose_compute(name, torch.device("cpu")).dtype == getattr(torch, name)


def test_float16_is_refused_on_a_cpu() -> None:
    with pytest.raises(ConfigError, match=r"float16 needs a GPU.*bnb_4bit_compute_dtype to auto, bfloat16 or float32"):
        choose_compute("float16", torch.device("cpu"))
