"""Waiting for what has to happen, instead of for a time that somebody guessed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST = 240.0
"""Seconds, on a machine that has a lot else to do. Nothing that works takes this long; what is broken fails in the
end."""


def until(condition: Callable[[], T], what: Callable[[], object] | str = "", seconds: float = LONGEST) -> T:
    """What `condition` returns as soon as that is true; an AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen in {seconds:.0f} s: {what() if callable(what) else what}")
        time.sleep(0.05)
    return result
