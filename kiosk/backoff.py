"""Waiting longer after each failure, up to a cap: what is broken must not keep the box busy, nor stay dead for long."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Seconds to wait: `first`, then `factor` times as long each time, at most `cap`; `reset` after a success.

    May fail for years: what is kept is the next wait, never a power of the number of failures.
    """

    first: float = 1.0
    cap: float = 30.0
    factor: float = 2.0
    _wait: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.reset()

    def next(self) -> float:
        """The wait after one more failure."""
        wait = self._wait
        self._wait = min(self.cap, wait * self.factor)
        return wait

    def reset(self) -> None:
        """It worked: the next failure waits `first` again."""
        self._wait = min(self.cap, self.first)
