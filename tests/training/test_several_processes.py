"""Runs in processes of their own: killed at any moment, short of memory, or shared by two."""

import json
import random
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from safetensors.torch import load_file

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.server.queue import JobQueue
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import resume_run, start_run
from qlora_core.training.start import prepare_start
from tests.conftest import free_port, ignore, make_bert, wait_until
from tests.ready_processes import run_command, start_process

pytestmark = pytest.mark.process
MakeConfig = Callable[..., RunConfig]


def adapter_bytes(run: Run) -> bytes:
    return (run.adapter_dir / "adapter_model.safetensors").read_bytes()


def count_events(run: Run) -> int:
    return sum(1 for _ in run.events())


def has_events(run: Run, count: int) -> Callable[[], bool]:
    return lambda: count_events(run) >= count


def kill_when(condition: Callable[[], bool], run: Run) -> None:
    """Carry ``run`` out in a process that is killed as soon as the store shows the condition."""
    arguments = ("train", "--resume", run.id, "--runs-dir", str(run.path.parent))
    process = start_process(run_command, *arguments, output=run.path / "process")
    while not condition():
        assert process.is_alive()
        threading.Event().wait(0.002)
    process.kill()
    process.join()


def assert_interrupted_and_readable(run: Run) -> None:
    """The store lists the run as interrupted and can read every file of it."""
    store = RunStore(run.path.parent)
    assert [(each.id, each.status.state) for each in store.runs()] == [(run.id, "interrupted")]
    assert store.damaged() == []
    assert [event["seq"] for event in run.events()] == list(range(count_events(run)))
    assert run.result is None
    for path in run.path.rglob("[!.]*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    for path in run.path.rglob("[!.]*.safetensors"):
        load_file(path)


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_at_random_points_ends_with_the_same_weights(
    seed: int, finished_run: Run, store: RunStore
) -> None:
    draw = random.Random(seed)
    run = store.create(finished_run.config)
    for earliest, latest in ((1, 12), (4, 20)):
        kill_when(has_events(run, count_events(run) + draw.randint(earliest, latest)), run)
        assert_interrupted_and_readable(run)
    resume_run(run.id, store, ignore)
    assert run.status.state == "finished"
    assert adapter_bytes(run) == adapter_bytes(finished_run)


@pytest.mark.parametrize("phase", ["loading", "verifying"])
def test_a_run_killed_in_its_first_or_last_phase_can_go_on(phase: str, finished_run: Run, store: RunStore) -> None:
    run = store.create(finished_run.config)
    kill_when(lambda: run.status.phase == phase, run)
    assert_interrupted_and_readable(run)
    resume_run(run.id, store, ignore)
    assert adapter_bytes(run) == adapter_bytes(finished_run)
    assert (run.result or {})["metrics"] == (finished_run.result or {})["metrics"]


def test_a_run_at_work_in_another_process_is_left_alone(tiny_config: MakeConfig, store: RunStore) -> None:
    run = store.create(tiny_config())

    def refused() -> bool:
        if run.status.state != "running":
            return False
        with pytest.raises(RunError, match="is running; only an interrupted or failed run can be resumed"):
            resume_run(run.id, store, ignore)
        return True

    kill_when(refused, run)


def train_short_of_memory(run: Run) -> int:
    """Carry ``run`` out with a gigabyte more than the libraries take."""
    limit = psutil.Process().memory_info().vms + 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return run_command("train", "--resume", run.id, "--runs-dir", str(run.path.parent))


def test_memory_that_runs_out_ends_the_run_with_advice(
    tiny_config: MakeConfig, store: RunStore, tmp_path: Path
) -> None:
    sentence = " ".join(["the old bridge was sold quickly"] * 50)
    rows = [{"sentence1": f"{sentence} {n}", "sentence2": f"{n} {sentence}", "label": n % 2} for n in range(40)]
    pairs = tmp_path / "long.jsonl"
    pairs.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    many_heads = make_bert(tmp_path / "many-heads", num_attention_heads=64)
    sizes = {"max_length": 512, "train_batch_size": 64, "eval_batch_size": 1}
    run = store.create(tiny_config(base_model=str(many_heads), dataset=str(pairs), **sizes))
    process = start_process(train_short_of_memory, run, output=tmp_path / "process")
    process.join()
    advice = "The machine ran out of memory. Lower train_batch_size, eval_batch_size or max_length."
    assert (tmp_path / "process.stderr").read_text(encoding="utf-8").splitlines()[-1] == f"error: {advice}"
    assert process.exitcode == 1
    assert (run.status.state, run.status.message) == ("failed", advice)


@pytest.fixture(scope="module")
def float32_run(tiny_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run in one process, in float32, on batches that even half of is more than is computed at once."""
    config = tiny_config(bnb_4bit_compute_dtype="float32", train_batch_size=40, easy_pairs_steps=2)
    return start_run(config, RunStore(tmp_path_factory.mktemp("one") / "runs"), ignore)


def train_in_two_processes(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """What ``train --json`` prints under ``accelerate launch`` with two processes."""
    # --cpu starts one process unless there is MPI; --multi_gpu starts several whether or not there are GPUs
    launch = "accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no"
    options = "--dynamo_backend no --num_cpu_threads_per_process 1 -m qlora_core train --json"
    command = [sys.executable, "-m", *launch.split(), *options.split(), *arguments]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    result: dict[str, Any] = json.loads(process.stdout)
    assert result["environment"]["processes"] == 2
    return result


def assert_same_within_float_tolerance(run: Run, reference: Run) -> None:
    """Probabilities of every answerer, the adapter, and what was written agree with the run in one process."""
    names = ("predictions.parquet",)
    ours, theirs = (pd.read_parquet(each.path / name) for each in (run, reference) for name in names)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    expected = load_file(reference.adapter_dir / "adapter_model.safetensors")
    for name, tensor in load_file(run.adapter_dir / "adapter_model.safetensors").items():
        np.testing.assert_allclose(tensor, expected[name], atol=1e-4, err_msg=name)
    for key in ("reload", "best_epoch", "steps", "trainable_parameters", "dataset"):
        assert (run.result or {})[key] == (reference.result or {})[key]


def test_two_processes_give_the_result_of_one_and_write_it_once(
    float32_run: Run, store: RunStore, environment: dict[str, str]
) -> None:
    config = float32_run.config
    settings = (
        "num_train_epochs",
        "learning_rate",
        "swap_probability",
        "easy_pairs_steps",
        "train_batch_size",
        "bootstrap_samples",
        "bnb_4bit_compute_dtype",
    )
    changes = [word for name in settings for word in ("--set", f"{name}={getattr(config, name)}")]
    names = ["--base-model", config.base_model, "--dataset", config.dataset, "--runs-dir", str(store.folder)]
    result = train_in_two_processes(environment, *names, *changes)
    (run,) = store.runs()
    assert result == run.result
    assert_same_within_float_tolerance(run, float32_run)
    kinds = [(event["seq"], event["kind"]) for event in run.events()]
    assert kinds == [(event["seq"], event["kind"]) for event in float32_run.events()]


def test_two_processes_go_on_with_an_interrupted_run(float32_run: Run, store: RunStore, tmp_path: Path) -> None:
    def interrupt(kind: str, fields: dict[str, Any]) -> None:
        if kind == "step" and fields["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_run(float32_run.config, store, interrupt)
    (run,) = store.runs()
    run_in_two_processes(tmp_path, "train", "--resume", run.id, "--runs-dir", str(store.folder))
    assert_same_within_float_tolerance(run, float32_run)


def run_in_two_processes(output: Path, *command: str) -> None:
    """A command in two processes that have the libraries loaded, told of each other as ``accelerate launch`` does."""
    launcher = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    launcher |= {"MASTER_PORT": str(free_port())}
    processes = [
        start_process(run_command, *command, output=output / rank, RANK=rank, LOCAL_RANK=rank, **launcher)
        for rank in ("0", "1")
    ]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0], (output / "0.stderr").read_text(encoding="utf-8")


def test_two_processes_start_from_a_run_as_one_does(float32_run: Run, store: RunStore, tmp_path: Path) -> None:
    shutil.copytree(float32_run.path, store.folder / float32_run.id)
    config = float32_run.config.model_copy(update={"init_from": float32_run.id, "num_train_epochs": 1})
    in_one = start_run(config, store, ignore)
    waiting = store.create(config, fill=prepare_start(config, store.open))
    run_in_two_processes(tmp_path, "train", "--resume", waiting.id, "--runs-dir", str(store.folder))
    assert waiting.require_result()["environment"]["processes"] == 2
    assert_same_within_float_tolerance(waiting, in_one)


@pytest.fixture
def queue(store: RunStore) -> Iterator[JobQueue]:
    """A queue at work, with real workers."""
    queue = JobQueue(store, poll_seconds=0.05)
    queue.start()
    yield queue
    queue.close()


def wait_for_state(run: Run, state: str) -> None:
    wait_until(lambda: run.status.state in (state, "failed"), 120)
    assert run.status.state == state, run.status.message


def test_a_queued_run_that_is_killed_goes_on_and_ends_with_the_same_weights(finished_run: Run, queue: JobQueue) -> None:
    run = queue.submit(finished_run.config)
    wait_until(has_events(run, 12), 120)
    psutil.Process(run.status.pid).kill()
    wait_for_state(run, "interrupted")
    queue.resume(run.id)
    wait_until(lambda: run.status.phase == "verifying", 120)
    queue.pause(run.id)
    wait_for_state(run, "paused")
    assert run.status.phase == "verifying"
    queue.resume(run.id)
    wait_for_state(run, "finished")
    assert adapter_bytes(run) == adapter_bytes(finished_run)
    assert (run.result or {})["metrics"] == (finished_run.result or {})["metrics"]
    ours, theirs = (RunFeed(each).since(Cursor()) for each in (run, finished_run))
    for series in ("points", "evaluations", "baselines", "watched", "watched_pairs"):
        assert ours[series] == theirs[series]


def test_a_closing_queue_interrupts_a_real_worker_which_can_go_on(finished_run: Run, queue: JobQueue) -> None:
    run = queue.submit(finished_run.config)
    wait_until(has_events(run, 1), 120)
    queue.close()
    assert_interrupted_and_readable(run)
    assert run.status.message.startswith("Interrupted.")
