"""Feeds systemd's watchdog, but only on real progress.

The supervisor restarts a child that makes no progress. If that does not help (a wedged driver, a full disk), the
watchdog is no longer fed, and systemd restarts everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from kiosk.ops.notify import notify, watchdog_interval


class Watchdog:
    """Sends WATCHDOG=1 while every child in `patience` (name -> seconds) made progress within its limit.

    idle(name): seconds since that child's last progress.
    """

    def __init__(
        self,
        idle: Callable[[str], float],
        patience: Mapping[str, float],
        send: Callable[..., bool] = notify,
        interval: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle = idle
        self._patience = dict(patience)
        self._send = send
        self._interval = interval if interval is not None else watchdog_interval()
        self._clock = clock
        self._last = float("-inf")

    def stuck(self) -> list[str]:
        """The children without progress for longer than their limit."""
        return [name for name, seconds in self._patience.items() if self._idle(name) > seconds]

    def feed(self) -> bool:
        """Send the watchdog message if it is due and no child is stuck; return whether it was sent."""
        if self._interval is None or self._clock() - self._last < self._interval or self.stuck():
            return False
        self._last = self._clock()
        return self._send("WATCHDOG=1")
