"""A clock that a test sets."""


class Clock:
    """Stands still until it is moved."""

    now = 1000.0  #: seconds

    def __call__(self) -> float:
        return self.now
