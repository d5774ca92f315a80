"""What a worksheet is made from beside a run's own folder: its class, and the runs that belong to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.outcome import course_of, guesses_report, outcome_of
from qlora_core.classroom.scores import answered_by, room_report
from qlora_core.errors import DataError, HubError, RunFailure
from qlora_core.evaluation.flips import Sentences
from qlora_core.evaluation.several.two_runs import ReadPairs
from qlora_core.store.feed import RunFeed
from qlora_core.store.run import Run


@dataclass(frozen=True)
class Material:
    """Of one run."""

    feed: RunFeed
    guesses: dict[str, Any]  #: see ``guesses_report``; nobody's own is marked
    course: list[list[float]]  #: how the accuracy really went, see ``course_of``
    room: dict[str, Any]  #: see ``room_report``
    runs: Sequence[Run]  #: that it may be laid beside


def material_of(
    run: Run, feed: RunFeed, classroom: Classroom, runs: Sequence[Run], validation_pairs: ReadPairs
) -> Material:
    """Everything that a store knows of a finished run.

    Args:
        validation_pairs: gives the pairs of a run of these settings; asked only where somebody has judged them.
    """
    outcome, judges = outcome_of(run), classroom.judgements(run).judges()
    return Material(
        feed,
        guesses_report(classroom.guesses(run).all(), None, outcome),
        course_of(feed, outcome),
        room_report(judges, None, answered_by(run), _sentences(run, validation_pairs) if judges else []),
        runs,
    )


def _sentences(run: Run, validation_pairs: ReadPairs) -> list[Sentences]:
    """The run's validation pairs; none where they are not on this machine, or cannot be read now."""
    try:
        return validation_pairs(run.config).sentences
    except (DataError, HubError, RunFailure):
        return []
