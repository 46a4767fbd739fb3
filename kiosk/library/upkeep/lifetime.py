"""How much time has really passed, whatever the clock says: what photos' lifetimes are counted in.

A board without a battery starts in the past, and is put right by the network in one jump of days or years; by the wall
clock every photo would expire at once. So the library keeps a clock of its own, in seconds of this kiosk's life:

- While the machine is on, it follows the clock since boot, which never jumps and counts sleep too.
- Time for which the machine was off counts in full where the wall clock was set by the network (NTP) both before and
  after; that is found out as late as the network comes. Until then, and where there is no network, it counts by what
  the wall clock says, but for at most a tenth of a photo's lifetime each time. So a wrong clock never removes all
  photos at once, and a box that is switched on now and then does not keep them for ever.

The wall clock is still what people are told: when it is put right, the times at which photos leave are told anew.
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
"""of a photo's lifetime: what one time of being off may count where nobody knows how long it was."""
TOMBSTONE_SECONDS = 30 * 24 * 3600
"""How long a deleted or expired photo's link still says so."""
LEAST_JUMP = 60.0
"""Seconds: less is what clocks do."""
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronized."""
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def wall_clock_is_set() -> bool:
    """Whether the kernel, or systemd-timesyncd, says that the wall clock was set by the network since boot."""
    try:
        # Nothing is set: the first field, the modes, is 0. Only the answer is looked at, so any size that is enough is.
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    except (AttributeError, OSError):
        answer = -1
    return 0 <= answer < _TIME_ERROR or _TIMESYNCD.exists()


@dataclass(frozen=True)
class Clocks:
    """What time is told by: the wall clock (seconds since 1970), the clock of this boot (seconds) and the boot's name,
    and whether the wall clock is known to be right."""

    wall: Callable[[], float] = time.time
    running: Callable[[], float] = boot.now
    boot_name: Callable[[], str] = boot.identity
    is_set: Callable[[], bool] = wall_clock_is_set


@dataclass(frozen=True)
class Tick:
    """lived: seconds of the kiosk's life; jump: seconds by which the wall clock jumped since the last tick of this
    boot, or fell back behind the last boot; 0 where it did not."""

    lived: float
    jump: float = 0.0


def lived(connection: sqlite3.Connection, clocks: Clocks) -> float:
    """Seconds of the kiosk's life until now, as far as it ticked in this boot."""
    row = connection.execute("SELECT lived, boot, moment FROM lifetime").fetchone()
    return row["lived"] + (max(0.0, clocks.running() - row["moment"]) if row["boot"] == clocks.boot_name() else 0.0)


def tick(connection: sqlite3.Connection, clocks: Clocks, is_set: bool, longest: float) -> Tick:
    """Write down how much time has passed, in the write transaction of `connection`.

    is_set: what clocks.is_set() says, asked before the transaction. longest: seconds that time off may count where
    nobody knows how long it was. Where the wall clock has jumped, the times at which photos leave are told anew.
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
    """Notices in one process that the wall clock jumped; costs nothing, so it may be asked every few seconds."""

    def __init__(self, clocks: Clocks | None = None) -> None:
        self._clocks = clocks or Clocks()
        self._wall, self._boot = self._clocks.wall(), self._clocks.running()

    def jump(self) -> float:
        """Seconds that the wall clock jumped since this was asked last, forward positive; 0 where it did not."""
        wall, moment = self._clocks.wall(), self._clocks.running()
        jump = (wall - self._wall) - (moment - self._boot)
        self._wall, self._boot = wall, moment
        return jump if abs(jump) >= LEAST_JUMP else 0.0


def jump_sentence(jump: float, wall: float) -> str:
    """What operators are told of a jump of so many seconds, after which the wall clock says `wall`."""
    now = time.strftime("%Y-%m-%d %H:%M", time.localtime(wall))
    return (
        f"The clock was put {'forward' if jump > 0 else 'back'} by {_span(abs(jump))}; it now says {now}. No photo was "
        "removed for that: their time is counted as it really passes. The times shown of photos from before are off by "
        "as much. If it happens at every start, give the board a battery for its clock, or a network with the time."
    )


def _span(seconds: float) -> str:
    for unit, name in ((365.25 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
