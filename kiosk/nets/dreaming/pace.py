"""Estimate a dream's progress and its remaining time from the pace so far."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kiosk.nets.dreaming.schedule import Octave

LEAST = 2
"""Minimum steps per octave of a dream that is late: enough to draw its large forms."""


class Pace:
    """Tracks work done and left, and the time it takes.

    `steps`: planned steps per octave. `iterations`: the number of steps that each octave's `work` stands for. The dream
    starts before step `iteration` of octave `octave`. The first step in an octave includes opening a session.
    """

    def __init__(
        self, octaves: Sequence[Octave], steps: Sequence[int], iterations: int, octave: int, iteration: int
    ) -> None:
        self._step_work = [one.work / iterations for one in octaves]
        self._work = [n * each for n, each in zip(steps, self._step_work, strict=True)]
        self._done = sum(self._work[:octave]) + sum(self._step_work[octave : octave + 1]) * iteration
        self._first, self._steady = (0.0, 0.0), (0.0, 0.0)
        """(work, seconds) of the latest first step in an octave, and of all other steps together."""

    @property
    def fraction(self) -> float:
        """Fraction of the work that is done, 0..1."""
        return min(1.0, self._done / sum(self._work))

    def note(self, octave: int, seconds: float, first: bool) -> None:
        """Record that a step of `octave` took `seconds`. `first`: whether it was the first step of this run there."""
        work = self._step_work[octave]
        self._done += work
        if first:
            self._first = (work, seconds)
        else:
            self._steady = (self._steady[0] + work, self._steady[1] + seconds)

    def octave_done(self, octave: int) -> None:
        """Record that `octave` has ended, possibly before all its steps."""
        self._done = sum(self._work[: octave + 1])

    def seconds_left(self, octave: int) -> float:
        """Seconds left for a dream that is in `octave`, with all planned steps."""
        return self._seconds(sum(self._work) - self._done, self._to_come(octave))

    def end(self, octave: int) -> float:
        """When the dream would end, by `time.monotonic()`, with one more step in `octave` and LEAST in each later
        one."""
        rest = self._step_work[octave] + LEAST * sum(self._step_work[octave + 1 :])
        return time.monotonic() + self._seconds(rest, self._to_come(octave))

    def _to_come(self, octave: int) -> int:
        return len(self._work) - octave - 1

    def _seconds(self, work: float, octaves: int) -> float:
        """Seconds for `work` that includes the first step of `octaves` octaves."""
        if not self._steady[0]:
            return work * self._first[1] / self._first[0]
        pace = self._steady[1] / self._steady[0]
        return work * pace + octaves * max(0.0, self._first[1] - self._first[0] * pace)
