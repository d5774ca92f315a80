"""The benchmarks of the page, of answers and of memory: all forms are measured; facts that no clock decides hold."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import footprint, live, predict, run_start, start_up
from benchmarks.harness import Row
from tests.benchmarks.test_training_benchmarks import run, table_and_json
from tests.conftest import wait_until


@pytest.fixture(scope="module")
def moments() -> dict[str, Row]:
    """What each moment of ``start_up`` that needs no training gives, in a process of its own."""

    def measure(form: str) -> Row:
        command = [sys.executable, "-m", "benchmarks.moments", form]
        shown = subprocess.run(command, cwd=Path(start_up.__file__).parents[1], capture_output=True, check=True).stdout
        row: Row = json.loads(shown.decode().splitlines()[-1])
        return row

    return {form: measure(form) for form in ("empty page served", "page served", "first pair answered", "plotly")}


@pytest.mark.process
def test_the_page_is_served_before_the_heavy_libraries_are_imported(moments: dict[str, Row]) -> None:
    assert moments["page served"]["imported"] in (["gradio"], ["gradio", "plotly"])
    assert {"torch", "transformers", "peft", "bitsandbytes"} <= set(moments["first pair answered"]["imported"])
    assert "gradio" not in moments["first pair answered"]["imported"]
    assert all(moment["seconds"] > 0 for moment in moments.values())


def test_moments_says_which_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks.moments", "--help"]
    shown = subprocess.run(command, cwd=Path(start_up.__file__).parents[1], capture_output=True, text=True, check=True)
    assert "first pair answered" in shown.stdout
    assert shown.stderr == ""


def test_start_up_lays_out_every_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(_: str, argument: str) -> Row:
        return {"seconds": 2.0 if "empty" in argument else 3.0, "imported": ["gradio"]}

    monkeypatch.setattr(start_up, "measure_in_child", pretend)
    monkeypatch.setattr(start_up.run_start, "compare", lambda *_: ([{"a run": "as a fork"}], {}))
    monkeypatch.setattr(sys, "argv", ["start_up", "--rounds=2"])
    moments, runs = printed(start_up, monkeypatch).split("\n## ")[1:]
    assert "| as a fork |" in runs
    rows, numbers = table_and_json(moments)
    assert [row[0] for row in rows[2:]] == [*start_up.FORMS, *(f"import {name}" for name in start_up.LIBRARIES)]
    assert rows[3][:3] == ["page served", "3.00 (3.00 to 3.00)", "1.50"]
    assert numbers["forms"].keys() == start_up.FORMS.keys()


@pytest.mark.process
def test_a_fork_is_ready_before_a_process_that_starts_afresh(
    monkeypatch: pytest.MonkeyPatch, tiny_bert: Path, pairs_file: Path
) -> None:
    names = [f"--base-model={tiny_bert}", f"--dataset={pairs_file}"]
    rows, numbers = table_and_json(run(run_start, monkeypatch, *names, "--rounds=1"))
    assert [row[0] for row in rows[2:]] == [run_start.AFRESH, run_start.FORKED, "(the fork server)"]
    (afresh,), (forked,) = (numbers["forms"][form] for form in (run_start.AFRESH, run_start.FORKED))
    assert forked["ready"] < afresh["ready"] / 2
    assert forked["ready"] <= forked["first step"]
    assert numbers["fork_server"]["cpu_seconds"] > 0


def printed(module: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """What ``module.main()`` prints."""
    lines: list[str] = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
    module.main()
    return "\n".join(lines)


def test_bits_decide_the_bytes_of_the_encoder(monkeypatch: pytest.MonkeyPatch, tiny_bert: Path) -> None:
    rows, numbers = table_and_json(run(footprint, monkeypatch, f"--base-model={tiny_bert}", "--rounds=1"))
    assert [row[0] for row in rows[2:]] == list(footprint.FORMS)
    groups = {form: found[0]["groups"] for form, found in numbers["forms"].items()}
    encoder = {form: group["encoder"] for form, group in groups.items()}
    assert (
        8 * encoder["NF4"]
        == 8 * encoder["FP4"]
        == 4 * encoder["int8"]
        == encoder["none"] * (1 if numbers["machine"]["compute_dtype"] == "float32" else 2)
    )
    constants = {form: group.get("quantization_constants", 0) for form, group in groups.items()}
    assert constants["none"] == 0 < constants["NF4"] == constants["FP4"] != constants["NF4, double quantisation"]


def test_the_peak_sees_memory_that_is_let_go_again() -> None:
    with footprint.Peak() as peak:
        held = bytearray(200 * 2**20)
        for position in range(0, len(held), 4096):
            held[position] = 1
        wait_until(lambda: peak.bytes > 150 * 2**20)
        del held
    assert peak.bytes > 150 * 2**20


def test_comparisons_are_timed_on_the_recorded_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "MANY", 4)
    row = predict.run_child("idle", requests=2)
    assert 0 < row["milliseconds"] <= row["slowest"]
    assert row["pairs_per_second"] > 0
    assert row["first_seconds"] > 0


@pytest.mark.process
def test_what_a_viewer_is_sent_does_not_grow_with_the_run() -> None:
    with live.serve() as server:
        few, many = (live.measure_viewers(server, steps, viewers=2, seconds=3.0) for steps in (100, 10_000))
    assert many["bytes_to_attach"] > few["bytes_to_attach"]
    assert many["bytes_a_tick"] < 1.5 * few["bytes_a_tick"]
    assert few["cpu_percent_a_viewer"] > 0
