"""What a viewer of the live view is told: what is new of a run, asked for again and again.

The browser polls; nothing is pushed, so that a reload or a second viewer starts from the beginning by itself. Every
answer is built from the store.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Route

from qlora_core.evaluation.answerers import baselines_words, borrowed_baselines_words, definite_label
from qlora_core.evaluation.comparison import recorded_comparisons, recorded_verdict
from qlora_core.evaluation.scores import Result
from qlora_core.evaluation.truncation import truncation_words
from qlora_core.language import ENGLISH, current
from qlora_core.server.group import group_of
from qlora_core.server.pace import SOONEST
from qlora_core.server.services import RECORDED, Services
from qlora_core.server.who_may import MAX_SECRET_CHARACTERS
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.status import LIVE, RESUMABLE, STATES, Action
from qlora_core.ui.answers import Answer, answered, asked_at
from qlora_core.ui.safe_text import MAX_MESSAGE, MAX_NAME, one_line

RunId = str
ADDRESS = "live/news"
MAX_WATCHED, MAX_SENTENCE = 12, 500  #: pairs, and characters of each sentence, in the view
NOTHING_TO_KEEP = ("saving", "verifying", "done")


class Poll(BaseModel):
    """What a viewer asks: which run (none: whichever is to be shown), and what they have of it already."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run: RunId = Field("", max_length=80)
    secret: str = Field("", max_length=MAX_SECRET_CHARACTERS)
    owner: str = Field("", max_length=MAX_SECRET_CHARACTERS)  #: the owner's pass, of a browser that has one
    have: Cursor = Cursor()
    about: bool = False  #: whether they want the run's settings as well
    group: str = Field("", max_length=80)  #: tag of what they know of the group that the run belongs to


def live_news(services: Services) -> Route:
    """Where the page asks."""

    return asked_at(ADDRESS, lambda request, _: told(services, request))


def told(services: Services, request: bytes) -> Answer:
    """What is new of a run, and what this visitor may do with it; {} where there is no run, ``error`` where the
    ``request``, a ``Poll`` as JSON, cannot be answered."""

    def answer(asked: Poll) -> Answer:
        run = services.run(asked.run) if asked.run else run_to_show(services, asked.secret)
        return {} if run is None else view(services, run, asked)

    return answered(Poll, request, answer)


def run_to_show(services: Services, secret: str) -> Run | None:
    """The visitor's own run if one is going on, else the one at work, else the next in the queue, else the recorded."""
    queue = services.queue.seen()
    lent = services.loans.at_work() if services.loans is not None else []
    candidates = [run for run in (queue.at_work, *lent, *queue.waiting) if run is not None]
    own = [run for run in candidates if run.is_owned_by(secret)]
    return next(iter([*own, *candidates]), services.recorded_run())


def view(services: Services, run: Run, asked: Poll) -> dict[str, Any]:
    """The feed's news, the queue around the run, and the buttons that do something now."""
    feed = services.feeds.of(run.id)
    news = feed.since(asked.have if asked.run == run.id else Cursor())
    status = run.status
    queue = services.queue.seen()
    at_work, waiting = queue.at_work, queue.waiting
    mine = services.who_may.control(run, asked.secret, asked.owner)
    may_borrow = mine and services.loans is not None and news["state"] in RESUMABLE
    held = news["state"] == "queued" and run.requested() == "pause"
    news |= {
        "message": one_line(news["message"], MAX_MESSAGE),
        "watched_pairs": [_shown(pair) for pair in news["watched_pairs"][:MAX_WATCHED]],
        "kind": RECORDED if services.is_recorded(run) else "run",
        "held": held,
        "held_until": status.held_until if held else 0,
        "class": services.participation.news(feed),
        "on_loan": status.on_loan,
        "place": next((place for place, other in enumerate(waiting, start=1) if other.id == run.id), None),
        "waiting": len(waiting),
        "at_work": at_work.id if at_work and at_work.id != run.id else "",
        "mine": mine,
        "again_in": SOONEST if mine else services.pace.seconds(asked.secret),  # seconds
        "buttons": buttons(news["state"], news["phase"], held=held, mine=mine) + (["borrow"] if may_borrow else []),
    }
    if current() != ENGLISH:
        news |= told_again(run) if run.has_result else told_meanwhile(feed)
    group = group_of(services, status.group)
    if (group["tag"] if group else "") != (asked.group if asked.run == run.id else ""):
        news["group"] = group
    if asked.about or not asked.run:
        news["about"] = about(run)
    return news


def told_again(run: Run) -> dict[str, str]:
    """What a finished run's record says in English sentences, in the language of this context.

    Raises:
        RunError: its result cannot be read.
    """
    strongest, comparison, n, dataset, max_length, baselines = run.from_result(_told)
    return {
        "verdict": recorded_verdict(comparison, n, definite_label(strongest)),
        "truncation": truncation_words(dataset, max_length),
        "baselines_known": borrowed_baselines_words(baselines),
    }


def told_meanwhile(feed: RunFeed) -> dict[str, str]:
    """What a run that goes on has said in English sentences, in the language of this context."""
    said = {}
    if feed.cut_off:
        said["truncation"] = truncation_words(feed.cut_off, feed.cut_off["max_length"])
    if feed.measured_by:
        said["baselines_known"] = baselines_words(feed.measured_by)
    return said


def _told(result: Result) -> tuple[str, Mapping[str, Any], int, Mapping[str, Any], int, Mapping[str, Any]]:
    comparisons = recorded_comparisons(result)
    strongest, n = next(iter(comparisons)), result["metrics"]["finetuned"]["n"]
    baselines = {"baselines": result.get("baselines"), "run_id": result["run_id"]}
    return strongest, comparisons[strongest], n, result["dataset"], result["config"]["max_length"], baselines


def _shown(pair: Mapping[str, Any]) -> dict[str, Any]:
    """A watched pair with as much of its sentences as there is room for."""
    return {**pair, **{name: one_line(pair.get(name, ""), MAX_SENTENCE) for name in ("sentence1", "sentence2")}}


def buttons(state: str, phase: str, *, held: bool, mine: bool) -> list[Action]:
    """Which of pause, resume and stop do something now."""
    if not mine:
        return []
    names = STATES["paused" if held else state].actions
    return [name for name in names if not (name == "stop" and state in LIVE and phase in NOTHING_TO_KEEP)]


def about(run: Run) -> dict[str, Any]:
    """What does not change while a run goes on: its settings in short, where it runs, and what was expected of it."""
    config, environment = run.config, run.environment
    return {
        "base_model": one_line(config.base_model.rsplit("/", 1)[-1], MAX_NAME),
        "dataset": one_line(config.dataset.rsplit("/", 1)[-1], MAX_NAME),
        "stored": config.scheme.stored,
        "r": config.r,
        "learning_rate": config.learning_rate,
        "epochs": config.num_train_epochs,
        "seed": config.seed,
        "init_from": config.init_from or "",
        "device": one_line(environment.get("device_name", ""), MAX_NAME),
        "created": run.status.created,
        "estimate": run.estimate,
    }
