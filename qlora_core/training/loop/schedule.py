"""What happens at which step. It follows from the settings and the step's number alone: a run can be resumed."""

import math

import numpy as np


def learning_rate_at(step: int, total_steps: int, peak: float, warmup_ratio: float, lr_scheduler_type: str) -> float:
    """The learning rate of the step after ``step`` steps: linear warm-up, then linear, cosine or no decay to zero."""
    warmup = int(total_steps * warmup_ratio)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total_steps - warmup)
    decay = {"linear": 1 - done, "cosine": 0.5 * (1 + math.cos(math.pi * done)), "constant": 1.0}
    return peak * decay[lr_scheduler_type]


def dropout_seed(seed: int, step: int, process_index: int = 0) -> int:
    """What torch's generator is set to before a step."""
    return int(np.random.SeedSequence([seed, step, process_index]).generate_state(1)[0])


def draw_swaps(seed: int, step: int, pairs: int, swap_probability: float) -> list[bool]:
    """Which of a step's ``pairs`` are shown with their sentences in the other order."""
    return (np.random.default_rng([seed, step]).random(pairs) < swap_probability).tolist()


def evaluation_steps(steps_per_epoch: int, evaluations_per_epoch: int) -> set[int]:
    """The steps of an epoch, counted from 1, after which the model is measured."""
    return {math.ceil(steps_per_epoch * part / evaluations_per_epoch) for part in range(1, evaluations_per_epoch + 1)}
