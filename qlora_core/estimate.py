"""What a run will cost, told before it starts: the size of its adapter, and the time and memory it is going to take.

python -m qlora_core.estimate CONFIG.json measures the run described in that file and prints what it is doing, then one
JSON object: an ``Estimate``. Nothing here imports torch; the measuring itself is ``calibration``'s.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Timer
from typing import IO, Any

from qlora_core.catalog import read_sizes
from qlora_core.child_process import child_environment, module_command
from qlora_core.config import RunConfig, check_max_length, check_target_modules, is_target, load_config
from qlora_core.errors import QLoRAError, RunFailure, UserError

TIMEOUT_SECONDS = 120.0
NICENESS = 10
NUM_LABELS = 2
FLOAT32_BYTES = 4
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class ParameterCounts:
    """Numbers of a model with an adapter, as PEFT's ``get_nb_trainable_parameters`` counts them."""

    trainable: int
    total: int  #: with the base model's own pooler and classifier beside their trained copies
    adapter_bytes: int  #: of adapter_model.safetensors


@dataclass(frozen=True)
class Estimate:
    """What a whole run is expected to take, from loading to verification; ranges are (low, high)."""

    seconds: tuple[float, float]
    memory_bytes: tuple[int, int]  #: the most held at once, by the run's main process or on its GPU
    memory_kind: str  #: "memory" or "GPU memory"
    examples_per_second: float  #: in training
    steps: int
    device_name: str
    threads: int
    measured_at: float  #: seconds since 1970


def parameter_counts(config: RunConfig, model_folder: Path) -> ParameterCounts:
    """Count what training changes and what the adapter's file will weigh, from the base model's config.json alone.

    LoRA adds r * (inputs + outputs) numbers to a layer (Hu et al. 2021, arXiv:2106.09685); a layer in
    ``modules_to_save`` is trained as a full copy.

    Raises:
        ModelError: config.json is missing, or its sizes are no positive whole numbers.
        ConfigError: a name in ``target_modules`` fits no layer of this model, or ``max_length`` is more than it reads.
    """
    sizes = read_sizes(model_folder)
    check_max_length(config.max_length, sizes["max_position_embeddings"])
    layers = _linear_layers(sizes)
    saved = _saved_shapes(config, layers)
    trainable = sum(math.prod(shape) for shape in saved.values())
    return ParameterCounts(trainable, _base_parameters(sizes, layers) + trainable, _safetensors_bytes(saved))


def _linear_layers(sizes: dict[str, int]) -> Shapes:
    """Every linear layer of a BERT that classifies pairs, by its path, as (outputs, inputs)."""
    hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
    block = {
        "attention.self.query": (hidden, hidden),
        "attention.self.key": (hidden, hidden),
        "attention.self.value": (hidden, hidden),
        "attention.output.dense": (hidden, hidden),
        "intermediate.dense": (inner, hidden),
        "output.dense": (hidden, inner),
    }
    layers: Shapes = {
        f"bert.encoder.layer.{number}.{name}": shape
        for number in range(sizes["num_hidden_layers"])
        for name, shape in block.items()
    }
    return layers | {"bert.pooler.dense": (hidden, hidden), "classifier": (NUM_LABELS, hidden)}


def _saved_shapes(config: RunConfig, layers: Shapes) -> Shapes:
    """The tensors that training changes, under the names that PEFT saves them with."""
    check_target_modules(
        config.target_modules,
        [name.removeprefix("bert.encoder.") for name in layers if name.startswith("bert.encoder.")],
    )
    copied = ["classifier", *(["bert.pooler.dense"] if "pooler" in config.modules_to_save else [])]
    shapes: Shapes = {}
    for name, (outputs, inputs) in layers.items():
        if name in copied:
            shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
        elif is_target(name, config.target_modules):
            shapes |= {f"{name}.lora_A.weight": (config.r, inputs), f"{name}.lora_B.weight": (outputs, config.r)}
    return {f"base_model.model.{name}": shape for name, shape in shapes.items()}


def _base_parameters(sizes: dict[str, int], layers: Shapes) -> int:
    hidden = sizes["hidden_size"]
    rows = sizes["vocab_size"] + sizes["max_position_embeddings"] + sizes["type_vocab_size"]
    layer_norms = 1 + 2 * sizes["num_hidden_layers"]
    linear = sum(outputs * inputs + outputs for outputs, inputs in layers.values())
    return rows * hidden + layer_norms * 2 * hidden + linear


def _safetensors_bytes(shapes: Shapes) -> int:
    """Size of a safetensors file of float32 tensors: 8 bytes, a JSON header filled up to a multiple of 8, the data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in sorted(shapes.items()):
        start, end = end, end + FLOAT32_BYTES * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (start, end)}
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-length // 8) * 8 + end


def run_calibration(
    config: RunConfig, listener: Callable[[str], None] | None = None, *, timeout: float = TIMEOUT_SECONDS
) -> dict[str, Any]:
    """Measure in a process of its own what ``config`` will cost; returns an ``Estimate`` as JSON-able values.

    Args:
        listener: told each line of progress.
        timeout: seconds after which the process is ended.

    Raises:
        UserError: the run cannot be carried out as asked.
        RunFailure: measuring failed or took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, errors = Path(folder) / "config.json", Path(folder) / "errors.txt"
        path.write_text(config.model_dump_json(), encoding="utf-8")
        with errors.open("w", encoding="utf-8") as stderr:
            code, last_line, is_late = _run_child(path, stderr, listener or _ignore, timeout)
        if is_late:
            raise RunFailure(
                f"Measuring took longer than {timeout:.0f} seconds and was ended. The machine may be busy: try again "
                "later, or start the run without an estimate."
            )
        if code != 0 or not last_line.startswith("{"):
            reason = (errors.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]
            raise _failure(code, reason)
        estimate: dict[str, Any] = json.loads(last_line)
        return estimate


def _run_child(
    config_file: Path, stderr: IO[str], listener: Callable[[str], None], timeout: float
) -> tuple[int, str, bool]:
    """Run the program; returns its exit status, its last line, and whether it ended in time."""
    command = module_command("qlora_core.estimate", str(config_file))
    late = Event()
    line = ""
    with subprocess.Popen(
        command, env=child_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as child:
        os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)  # training takes what the page leaves over; so does this
        timer = Timer(timeout, _end, (child, late))
        timer.start()
        try:
            for line in child.stdout or ():
                if not line.startswith("{"):
                    listener(line.strip())
            child.wait()
        finally:
            timer.cancel()
            if child.poll() is None:
                child.kill()
    return child.returncode, line, late.is_set()


def _end(child: "subprocess.Popen[str]", late: Event) -> None:
    late.set()
    child.kill()


def _failure(code: int, reason: str) -> QLoRAError:
    """The child's own words; a child that was killed from outside has none."""
    if code == 2 and reason:
        return UserError(reason)
    if code == 1 and reason:
        return RunFailure(reason)
    return RunFailure(
        "Measuring ended without a word; the machine may have run out of memory. Lower train_batch_size, "
        "eval_batch_size or max_length, or choose a smaller base model."
    )


def _ignore(line: str) -> None:
    """Nobody follows the progress."""
    del line


def main(config_file: str) -> int:
    """Measure the run in ``config_file`` and print an ``Estimate``; the exit status is 0, 1 or 2 as the session's."""
    try:
        from qlora_core.calibration import calibrate

        config = load_config(json.loads(Path(config_file).read_text(encoding="utf-8")))
        estimate = calibrate(config, _print_line)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except RunFailure as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(asdict(estimate), allow_nan=False), flush=True)
    return 0


def _print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
