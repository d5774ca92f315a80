"""A run's time and memory are measured on a little of it."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qlora_core.config import RunConfig
from qlora_core.data import batching
from qlora_core.data.batching import epoch_batches, padded
from qlora_core.errors import RunFailure
from qlora_core.training.cost import estimate
from qlora_core.training.cost.batches import tokens_of_pass
from qlora_core.training.cost.estimate import SMALL_PARTS_SECONDS, estimate_cost, run_memory, run_seconds
from qlora_core.training.cost.measure import Timings
from qlora_core.training.cost.timing import Timing
from qlora_core.training.passes import ModelKind, Pass
from tests.conftest import Bench

MakeConfig = Callable[..., RunConfig]
MakeBench = Callable[..., Bench]


def say_nothing(line: str) -> None:
    """A listener that is not interested."""
    del line


def test_the_estimate_of_a_run(tiny_config: MakeConfig) -> None:
    lines: list[str] = []
    result = estimate_cost(tiny_config(), lines.append)
    assert 0 < result.seconds[0] < result.seconds[1]
    assert 2**27 < result.memory_bytes[0] < result.memory_bytes[1] < 2**36
    assert result.examples_per_second > 0
    assert result.steps == 8  # 64 pairs in batches of 16, twice
    assert result.threads == torch.get_num_threads()
    assert result.memory_kind == ("GPU memory" if torch.cuda.is_available() else "memory")
    assert abs(result.measured_at - time.time()) < 60
    assert lines[0] == "Loading the base model and the pairs"
    assert "Measuring training" in lines


@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": "none"},
        {"quantization": "int8", "swap_probability": 1.0},
        {"evaluations_per_epoch": 20, "num_train_epochs": 1},
        {"train_batch_size": 1024, "eval_batch_size": 1024},
        {"train_batch_size": 1, "lora_dropout": 0.1},
        {"max_train_samples": 8, "max_eval_samples": 8},
        {"easy_pairs_steps": 100_000},
    ],
    ids=str,
)
def test_settings_at_their_limits_are_measured(changes: dict[str, Any], tiny_config: MakeConfig) -> None:
    result = estimate_cost(tiny_config(**changes), say_nothing)
    assert 0 < result.seconds[0] < result.seconds[1]


def timing(seconds_a_token: float) -> Timing:
    return Timing([seconds_a_token * 100, seconds_a_token * 200], [100, 200])


def test_every_pass_of_a_run_is_counted(bench: MakeBench) -> None:
    made = bench(num_train_epochs=3, evaluations_per_epoch=2)
    lengths = made.train.lengths()
    training_tokens = sum(
        len(batch) * padded(max(lengths[index] for index in batch), made.config.max_length)
        for batch in epoch_batches(made.train, 4, made.config.seed, 0)
    )
    in_order = sorted(lengths)
    evaluation_tokens = sum(8 * padded(in_order[last], made.config.max_length) for last in (7, 15, 23))
    none = timing(1e-12)
    nothing = Timings(0.0, 0.0, 0.0, 0.0, base=none, unquantised=none, adapter=none, training=none)

    def middle(**kinds: Timing) -> float:
        return float(run_seconds(made, replace(nothing, **kinds)).mean())  # type: ignore[arg-type]

    fixed = middle()
    assert middle(training=timing(1.0)) - fixed == pytest.approx(3 * training_tokens)
    assert middle(adapter=timing(1.0)) - fixed == pytest.approx((3 * 2 + 2) * evaluation_tokens)
    assert middle(base=timing(1.0)) - fixed == pytest.approx(2 * evaluation_tokens)
    assert middle(unquantised=timing(1.0)) - fixed == pytest.approx(evaluation_tokens)


def test_no_pass_for_baselines_is_counted_where_they_are_known(bench: MakeBench) -> None:
    made, none = bench(num_train_epochs=1), timing(1e-12)
    timings = Timings(0.0, 0.0, 0.0, 0.0, base=timing(1.0), unquantised=timing(1.0), adapter=none, training=none)
    assert run_seconds(made, timings).mean() > 100
    assert run_seconds(made, timings, baselines_known=True).mean() == pytest.approx(SMALL_PARTS_SECONDS)


def test_a_run_whose_probe_stops_after_its_first_pairs_is_within_the_range(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, none = bench(num_train_epochs=1), timing(1e-12)
    timings = Timings(0.0, 0.0, 0.0, 0.0, base=timing(1.0), unquantised=none, adapter=none, training=none)
    low, high = run_seconds(made, timings)
    monkeypatch.setattr(estimate, "FIRST_PROBE_PAIRS", len(made.probe) // 4)
    sooner, as_late = run_seconds(made, timings)
    assert as_late == pytest.approx(high)
    assert low - sooner == pytest.approx(0.75 * 0.9 * tokens_of_pass(made, Pass(ModelKind.BASE, "probe")))


def test_the_start_of_a_run_that_is_a_fork_takes_no_time(bench: MakeBench) -> None:
    made, none = bench(num_train_epochs=1), timing(1e-12)
    timings = Timings(startup=10.0, loading=0.0, loading_model=0.0, look=0.0, base=none, unquantised=none,
                      adapter=none, training=none)  # fmt: skip
    afresh, forked = (run_seconds(made, timings, forked=forked).mean() for forked in (False, True))
    assert afresh - forked == pytest.approx(10.0)
    assert forked > 10.0  # the process that verifies starts afresh all the same


def test_the_range_is_as_wide_as_the_batches_differ() -> None:
    even, uneven = Timing([1.0, 2.0], [10, 20]), Timing([1.0, 3.0, 2.0], [10, 20, 20])
    np.testing.assert_allclose(even.expect(100), [9.0, 11.0])
    low, high = uneven.expect(100)
    assert (low + high) / 2 == pytest.approx(12.0)
    assert high - low > 2 * 0.1 * 12.0


def test_every_new_shape_of_batch_adds_to_the_memory(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "PAD_TO_MULTIPLE_OF", 1)
    made = bench(num_train_epochs=1, train_batch_size=1, eval_batch_size=1)
    shapes = len(set(made.train.lengths()))
    assert shapes > 3
    flat, growing = (Timing([1.0] * 3, [1] * 3, [0, size, 2 * size]) for size in (0, 2**30))
    nothing = Timings(0.0, 0.0, 0.0, 0.0, base=flat, unquantised=flat, adapter=flat, training=flat)
    now, now_too = run_memory(made, nothing)
    assert now == now_too
    for kind in ("unquantised", "adapter", "training"):
        low, high = run_memory(made, replace(nothing, **{kind: growing}))  # type: ignore[arg-type]
        assert low - now == pytest.approx(2**30 * (shapes - 3), abs=2**26)  # the process itself may grow meanwhile
        assert high - now == pytest.approx(3 * 2**30 * (shapes - 3), abs=2**26)
    assert Timing([1.0], [1], [500]).growth() == 0.0


def test_warm_up_is_left_out_unless_nothing_would_be_left() -> None:
    assert Timing([9.0, 1.0, 2.0], [1, 1, 1]).after_warm_up(1) == Timing([1.0, 2.0], [1, 1])
    assert Timing([9.0, 1.0], [1, 1]).after_warm_up(2) == Timing([1.0], [1])


def test_running_out_of_memory_is_told_in_plain_words(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*arguments: object) -> None:
        del arguments
        raise MemoryError

    monkeypatch.setattr("qlora_core.training.cost.measure.predict_logits", exhaust)
    with pytest.raises(RunFailure, match=r"ran out of memory\. Lower train_batch_size"):
        estimate_cost(tiny_config(), say_nothing)


def test_exit_status_2_for_the_users_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"r": 0}))
    assert estimate.main(str(path)) == 2
    assert "r " in capsys.readouterr().err
