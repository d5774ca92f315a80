"""How long some batches took, and what follows for others."""

import statistics
from dataclasses import dataclass, field

import numpy as np
import psutil

#: However even the timed batches are, the machine will not be for the whole of a run: a share of the expected value.
MIN_SPREAD = 0.1


@dataclass
class Timing:
    """What some batches of one kind took."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)  #: padding included
    memory: list[int] = field(default_factory=list)  #: bytes this process held after each batch

    def add(self, seconds: float, tokens: int) -> None:
        """One more batch."""
        self.seconds.append(seconds)
        self.tokens.append(tokens)
        self.memory.append(psutil.Process().memory_info().rss)

    def growth(self) -> float:
        """Bytes that a batch added to what the first one, the longest, had taken."""
        return max(0, self.memory[-1] - self.memory[0]) / max(1, len(self.memory) - 1)

    def after_warm_up(self, count: int) -> "Timing":
        """The times without the first ``count`` batches, but with one at least."""
        count = min(count, len(self.seconds) - 1)
        return Timing(self.seconds[count:], self.tokens[count:], self.memory)

    def expect(self, tokens: int) -> np.ndarray:
        """Seconds for that many padded tokens: (low, high), one standard deviation of the batches' rates around."""
        rates = [seconds / tokens for seconds, tokens in zip(self.seconds, self.tokens, strict=True)]
        rate = sum(self.seconds) / sum(self.tokens)
        spread = max(statistics.stdev(rates) / rate if len(rates) > 1 else 0.0, MIN_SPREAD)
        return around(rate * tokens, min(spread, 0.9))


def around(value: float, spread: float) -> np.ndarray:
    return value * np.array([1 - spread, 1 + spread])
