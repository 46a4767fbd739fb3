"""The clock for leases and heartbeats: seconds since boot, including time spent suspended.

A board without a clock battery starts with the wrong date, and the network corrects it an hour later. On the wall
clock, that jump would expire every lease at once. Seconds since boot never jump, but they mean nothing in another boot,
so every timestamp on this clock is stored together with the boot's identity.
"""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path


def now() -> float:
    """Seconds since boot."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@lru_cache(maxsize=1)
def identity() -> str:
    """The kernel's random ID of this boot; different after every restart."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
