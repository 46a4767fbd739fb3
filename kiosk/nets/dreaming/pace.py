"""How far a dream is, and how long the rest of it will take at the pace so far."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kiosk.nets.dreaming.schedule import Octave

LEAST = 2
"""steps of an octave of a dream that is late: what its large forms are drawn with."""


class Pace:
    """Work done and to come, and the seconds that work takes.

    `steps` are the steps planned for each of the `octaves`, `iterations` those that their `work` is counted for; the
    dream begins before step `iteration` of octave `octave`. The first step of an octave opens a session, which each
    later octave pays once more.
    """

    def __init__(
        self, octaves: Sequence[Octave], steps: Sequence[int], iterations: int, octave: int, iteration: int
    ) -> None:
        self._step_work = [one.work / iterations for one in octaves]
        self._work = [n * each for n, each in zip(steps, self._step_work, strict=True)]
        self._done = sum(self._work[:octave]) + sum(self._step_work[octave : octave + 1]) * iteration
        self._first, self._steady = (0.0, 0.0), (0.0, 0.0)
        """(work, seconds) of the last first step, and of all other steps."""

    @property
    def fraction(self) -> float:
        """Of the work that is done, 0..1."""
        return min(1.0, self._done / sum(self._work))

    def note(self, octave: int, seconds: float, first: bool) -> None:
        """A step of `octave` took `seconds`; whether it was the first one there."""
        work = self._step_work[octave]
        self._done += work
        if first:
            self._first = (work, seconds)
        else:
            self._steady = (self._steady[0] + work, self._steady[1] + seconds)

    def octave_done(self, octave: int) -> None:
        """`octave` has ended, maybe before all its steps."""
        self._done = sum(self._work[: octave + 1])

    def seconds_left(self, octave: int) -> float:
        """What the dream, now in `octave`, still takes if all planned steps are done."""
        return self._seconds(sum(self._work) - self._done, self._to_come(octave))

    def end(self, octave: int) -> float:
        """When the dream ends, of the monotonic clock, with one more step in `octave` and LEAST in each later one."""
        rest = self._step_work[octave] + LEAST * sum(self._step_work[octave + 1 :])
        return time.monotonic() + self._seconds(rest, self._to_come(octave))

    def _to_come(self, octave: int) -> int:
        return len(self._work) - octave - 1

    def _seconds(self, work: float, octaves: int) -> float:
        """What `work` will take, if `octaves` begin in it."""
        if not self._steady[0]:
            return work * self._first[1] / self._first[0]
        pace = self._steady[1] / self._steady[0]
        return work * pace + octaves * max(0.0, self._first[1] - self._first[0] * pace)
