"""The clock that leases and heartbeats are kept on: seconds since this boot, suspended time included.

A board without a battery starts with the wrong date and is put right by the network an hour later; on the wall clock
that jump would end every lease at once. Seconds since boot never jump, and mean nothing in another boot: every time
kept on this clock is kept with the boot's identity.
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
    """A word that differs in every boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
