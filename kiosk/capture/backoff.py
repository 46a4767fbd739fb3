"""Waiting longer after each failure, up to a cap: a dead camera must not keep the box busy, nor stay dead for hours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Backoff:
    """Seconds to wait: `first`, then twice as long each time, at most `cap`; `reset` after a success."""

    first: float = 1.0
    cap: float = 30.0
    failures: int = 0

    def next(self) -> float:
        """The wait after one more failure."""
        self.failures += 1
        return min(self.cap, self.first * 2.0 ** min(self.failures - 1, 30))

    def reset(self) -> None:
        """It worked: the next failure waits `first` again."""
        self.failures = 0
