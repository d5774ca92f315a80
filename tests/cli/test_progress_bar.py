"""Progress on stderr: phases and scores as lines, work as a bar, stdout left alone."""

from typing import Any

import pytest

from qlora_core.cli.progress_bar import ProgressBar

SCORES = {"accuracy": 0.8284, "f1": 0.8791, "matthews_correlation": 0.6009, "loss": 0.4}


def shown(capsys: pytest.CaptureFixture[str], *events: tuple[str, dict[str, Any]]) -> str:
    """What the events leave on stderr."""
    bar = ProgressBar()
    for kind, fields in events:
        bar(kind, fields)
    bar.close()
    written = capsys.readouterr()
    assert written.out == ""
    return written.err


def step(number: int, total: int = 10) -> tuple[str, dict[str, Any]]:
    return "step", {"step": number, "total_steps": total, "loss": 0.5, "examples_per_second": 42.0}


def test_a_phase_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ("phase", {"phase": "saving", "message": "Saving the adapter"})) == "Saving the adapter ...\n"


def test_pairs_that_are_cut_off_are_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ("truncation", {"message": "3 pairs are longer."})) == "3 pairs are longer.\n"
    assert shown(capsys, ("baselines_known", {"message": "Measured before."})) == "Measured before.\n"


@pytest.mark.parametrize(
    ("kind", "fields", "line"),
    [
        ("baseline", {"name": "untrained_head"}, "  untrained head: accuracy 0.828, F1 0.879, MCC 0.601, loss 0.400\n"),
        (
            "evaluation",
            {"epoch": 1.5, "is_best": True},
            "  epoch 1.5: accuracy 0.828, F1 0.879, MCC 0.601, loss 0.400 (best so far)\n",
        ),
        (
            "evaluation",
            {"epoch": 2, "only_answer": 0},
            "  epoch 2: accuracy 0.828, F1 0.879, MCC 0.601, loss 0.400; every pair answered different\n",
        ),
        (
            "evaluation",
            {"epoch": 2, "is_best": False},
            "  epoch 2: accuracy 0.828, F1 0.879, MCC 0.601, loss 0.400\n",
        ),
    ],
)
def test_what_was_measured_is_a_line(
    kind: str, fields: dict[str, Any], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, (kind, SCORES | fields)) == line


@pytest.mark.parametrize(("paused", "line"), [(True, "Paused\n"), (False, "Going on\n")])
def test_a_pause_is_told(paused: bool, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ("paused", {"paused": paused})) == line


def test_an_end_clears_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, step(1), ("end", {"state": "failed", "message": "The disk is full."}))
    assert text.split("\r")[-1].strip() == ""


@pytest.mark.parametrize(("first", "left"), [(0, "50:00"), (600, "30:00")], ids=["from the start", "resumed"])
def test_the_time_left_is_that_of_the_steps_still_to_do(
    first: int, left: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    bar = ProgressBar()
    for number in range(first, 701 if first else 501, 10):
        bar(*step(number, 1000))
        now[0] += 60
    text = capsys.readouterr().err.split("\r")[-1]
    bar.close()
    assert f"<{left}, " in text
    assert "loss 0.500, 42 pairs/s" in text


def test_another_total_begins_another_bar(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, ("progress", {"done": 5, "total": 40}), ("progress", {"done": 1, "total": 7}))
    assert text.index("/40") < text.index("/7")


def test_a_bar_is_cleared_when_its_work_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, *[("progress", {"done": done, "total": 40}) for done in (0, 20, 40)])
    assert "/40" in text
    assert text.split("\r")[-1].strip() == ""


@pytest.mark.parametrize("kind", ["resumed", "evaluating", "something new"])
def test_other_events_show_nothing(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, (kind, {"step": 3})) == ""


def test_how_it_ended_is_left_to_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ("end", {"state": "failed", "message": "The disk is full."})) == ""


def test_closing_twice_does_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar()
    bar(*step(1))
    bar.close()
    bar.close()
    assert capsys.readouterr().out == ""
