"""The kiosk's own clock: elapsed time that survives wall-clock jumps. Photos' lifetimes are measured on it.

A board without a clock battery starts in the past, and the network corrects it in one jump of days or years. By the
wall clock, every photo would expire at once. So the library keeps its own clock, in seconds of this kiosk's life:

- While the machine is on, it follows the time since boot, which never jumps and includes sleep.
- Time off counts in full if the network (NTP) had set the wall clock both before and after. The check is made whenever
  the network appears. Until then, or without a network, time off counts by the wall clock, but for at most a tenth of a
  photo's lifetime each time. So a wrong clock never removes all photos at once, and a box that is rarely on does not
  keep them forever.

People still see wall-clock times. When the wall clock jumps, the displayed expiry times are recomputed.
"""

from __future__ import annotations

import ctypes
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kiosk.library import boot

SHARE_OF_LIFETIME = 0.1
"""The most that one period of unknown time off may count, as a fraction of a photo's lifetime."""
TOMBSTONE_SECONDS = 30 * 24 * 3600
"""How long the link of a deleted or expired photo still says so."""
LEAST_JUMP = 60.0
"""Seconds. Smaller differences are ordinary drift."""
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronized."""
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def wall_clock_is_set() -> bool:
    """Whether the network has set the wall clock since boot, according to the kernel or systemd-timesyncd."""
    try:
        # A read: the first field (modes) is 0. Only the return value is used, so any buffer that is large enough works.
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    except (AttributeError, OSError):
        answer = -1
    return 0 <= answer < _TIME_ERROR or _TIMESYNCD.exists()


@dataclass(frozen=True)
class Clocks:
    """The clocks in use: the wall clock (seconds since 1970), seconds since boot, the boot's identity, and whether the
    wall clock is known to be right."""

    wall: Callable[[], float] = time.time
    running: Callable[[], float] = boot.now
    boot_name: Callable[[], str] = boot.identity
    is_set: Callable[[], bool] = wall_clock_is_set


@dataclass(frozen=True)
class Tick:
    """One reading. lived: seconds of the kiosk's life. jump: seconds by which the wall clock jumped since the last tick
    of this boot, or fell behind the previous boot (negative); 0 if it did neither."""

    lived: float
    jump: float = 0.0


def lived(connection: sqlite3.Connection, clocks: Clocks) -> float:
    """Seconds of the kiosk's life until now. Time before this boot's first tick is not counted yet."""
    row = connection.execute("SELECT lived, boot, moment FROM lifetime").fetchone()
    return row["lived"] + (max(0.0, clocks.running() - row["moment"]) if row["boot"] == clocks.boot_name() else 0.0)


def tick(connection: sqlite3.Connection, clocks: Clocks, is_set: bool, longest: float) -> Tick:
    """Advance the clock, in the write transaction of `connection`.

    is_set: the value of clocks.is_set(), read before the transaction. longest: the most seconds that a period of
    unknown time off may count. After a jump of the wall clock, the displayed expiry times are recomputed.
    """
    moment, wall, name = clocks.running(), clocks.wall(), clocks.boot_name()
    row = connection.execute("SELECT * FROM lifetime").fetchone()
    if row["boot"] == name:
        now, owed = _same_boot(row, moment, wall, is_set)
    else:
        now, owed = _new_boot(row, moment, wall, is_set, longest)
    connection.execute(
        "UPDATE lifetime SET lived = ?, boot = ?, moment = ?, wall = ?, wall_set = ?, off_wall = ?, off_moment = ?, "
        "off_counted = ?",
        (now.lived, name, moment, wall, int(is_set), *owed),
    )
    if now.jump or row["boot"] != name or owed[0] != row["off_wall"]:
        connection.execute(
            "UPDATE photos SET expires = ? + lives WHERE expires IS NOT NULL AND state NOT IN ('expired', 'deleted')",
            (round(wall - now.lived, 3),),
        )
    return now


_Owed = tuple[float | None, float | None, float | None]


def _same_boot(row: sqlite3.Row, moment: float, wall: float, is_set: bool) -> tuple[Tick, _Owed]:
    passed = max(0.0, moment - row["moment"])
    jump = (wall - row["wall"]) - passed
    lived = row["lived"] + passed
    owed: _Owed = (row["off_wall"], row["off_moment"], row["off_counted"])
    if is_set and row["off_wall"] is not None:
        off = (wall - row["off_wall"]) - (moment - row["off_moment"])
        lived += max(0.0, off - row["off_counted"])
        owed = (None, None, None)
    return Tick(lived, jump if abs(jump) >= LEAST_JUMP else 0.0), owed


def _new_boot(row: sqlite3.Row, moment: float, wall: float, is_set: bool, longest: float) -> tuple[Tick, _Owed]:
    first = row["boot"] == ""
    off = 0.0 if first else max(0.0, wall - row["wall"])
    if is_set and row["wall_set"]:
        return Tick(row["lived"] + off), (None, None, None)
    counted = min(off, longest)
    back = 0.0 if first else min(0.0, wall - row["wall"])
    owed: _Owed = (row["wall"], moment, counted) if row["wall_set"] else (None, None, None)
    return Tick(row["lived"] + counted, back if back <= -LEAST_JUMP else 0.0), owed


class JumpWatch:
    """Detects wall-clock jumps within one process. Cheap enough to poll every few seconds."""

    def __init__(self, clocks: Clocks | None = None) -> None:
        self._clocks = clocks or Clocks()
        self._wall, self._boot = self._clocks.wall(), self._clocks.running()

    def jump(self) -> float:
        """Seconds by which the wall clock jumped since the last call; forward is positive, 0 = no jump."""
        wall, moment = self._clocks.wall(), self._clocks.running()
        jump = (wall - self._wall) - (moment - self._boot)
        self._wall, self._boot = wall, moment
        return jump if abs(jump) >= LEAST_JUMP else 0.0


def jump_sentence(jump: float, wall: float) -> str:
    """The operator's sentence about a clock jump of `jump` seconds, after which the wall clock reads `wall`."""
    now = time.strftime("%Y-%m-%d %H:%M", time.localtime(wall))
    return (
        f"The clock jumped {'forward' if jump > 0 else 'back'} by {_span(abs(jump))}; it now says {now}. No photo was "
        "removed because of it: lifetimes are measured by elapsed time. Times shown for earlier photos are off by as "
        "much. If this happens at every start, give the board a clock battery, or a network with NTP."
    )


def _span(seconds: float) -> str:
    for unit, name in ((365.25 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
