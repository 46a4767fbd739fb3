"""Capped exponential backoff: a broken part must not keep the box busy, nor stay down long after it works again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Seconds to wait after each failure: `first`, then `factor` times the last wait, at most `cap`.

    Stores the next wait rather than a count of failures, so years of failures cannot overflow a power.
    """

    first: float = 1.0
    cap: float = 30.0
    factor: float = 2.0
    _wait: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.reset()

    def next(self) -> float:
        """The wait after another failure, in seconds."""
        wait = self._wait
        self._wait = min(self.cap, wait * self.factor)
        return wait

    def reset(self) -> None:
        """Start over after a success: the next failure waits `first` again."""
        self._wait = min(self.cap, self.first)
