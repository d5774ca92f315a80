"""The rehearsed lesson: its students do all that a class is asked to do, and what they waited is told."""

import pytest

from benchmarks import live, rehearsal, students
from benchmarks.watching import SimulatedRun
from qlora_core.classroom.folder import Classroom
from tests.conftest import wait_until

COUNT, PATIENCE = 3, 120.0


@pytest.mark.process
def test_students_guess_judge_and_look_at_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"SECONDS_TO_GUESS": (0.0, 0.0), "SECONDS_TO_JUDGE": (0.0, 0.0)}.items():
        monkeypatch.setattr(students, name, seconds)
    with live.serve() as server:
        simulated = SimulatedRun(server.store, 1000)
        simulated.run.set_status(phase="baselines", message="Measuring the baselines")
        with students.a_class(COUNT, server.url, simulated.run.id) as everybody:
            wait_until(lambda: all(student.judged == 10 for student in everybody), PATIENCE)
            wait_until(lambda: all("guess" in student.delays for student in everybody), PATIENCE)
            assert not any("room" in student.delays for student in everybody)
            classroom = Classroom(server.store)
            assert len(classroom.guesses(simulated.run)) == len(classroom.judgements(simulated.run).judges()) == COUNT
            simulated.end()
            wait_until(lambda: all("room" in student.delays for student in everybody), PATIENCE)
    assert not any(student.refused for student in everybody)
    told = {row["asked"]: row for row in rehearsal.waited(students.all_delays(everybody))}
    assert told.keys() == {"page", "poll", "guesses", "guess", "judge", "room"}
    assert told["guess"]["answers"] == told["page"]["answers"] == str(COUNT)


def test_what_was_waited_is_told_in_milliseconds() -> None:
    (row,) = rehearsal.waited({"poll": [0.01] * 99 + [0.5]})
    assert row == {
        "asked": "poll",
        "answers": "100",
        "median (ms)": "10",
        "95th percentile (ms)": "10",
        "longest (ms)": "500",
    }
