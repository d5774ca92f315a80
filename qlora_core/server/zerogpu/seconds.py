"""How long a GPU is asked for: what is left of the run, as far as it is known, and never more than may be lent."""

from qlora_core.loans import MAX_LOAN_SECONDS, MIN_LOAN_SECONDS, RESERVE_SECONDS
from qlora_core.store.run import Run

#: What a loan takes beside training: loading model and pairs, reloading the adapter, resampling.
BESIDE_TRAINING_SECONDS = 25.0
#: Steps do not all take equally long.
SPREAD = 1.3


def seconds_to_borrow(run: Run) -> int:
    """What is left of ``run`` at the pace that it had on a borrowed GPU, if that is known; else as long as may be."""
    left = _training_left(run)
    if left is None:
        return MAX_LOAN_SECONDS
    seconds = RESERVE_SECONDS + BESIDE_TRAINING_SECONDS + SPREAD * left
    return int(min(max(seconds, MIN_LOAN_SECONDS), MAX_LOAN_SECONDS))


def shorter(seconds: int) -> int | None:
    """What to ask for instead of that, where the quota is too small for it; None where that was the shortest."""
    return None if seconds <= MIN_LOAN_SECONDS else max(MIN_LOAN_SECONDS, seconds // 2)


def _training_left(run: Run) -> float | None:
    """Seconds of training and evaluation that its last step foresaw; None before any, or where no GPU took it."""
    if not run.has_checkpoint or not run.environment.get("borrowed"):
        return None
    steps = [event for event in run.events() if event["kind"] == "step"]
    left = steps[-1].get("seconds_left") if steps else None
    return float(left) if isinstance(left, int | float) else None
