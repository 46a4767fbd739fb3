"""Locks between intake and the sweep that removes abandoned uploads.

Until its transaction commits, a photo being taken in looks exactly like debris. Intake holds a shared lock on one file;
the sweep needs it exclusively. A second set of lock files limits the decoders running at once, over all processes: one
file per slot. The kernel drops the locks of a process that dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

from kiosk.errors import Unavailable
from kiosk.storage import DataFolder


@contextlib.contextmanager
def taking_in(data: DataFolder, alive: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold off the sweep for the duration of the block. Waits for a running sweep, calling `alive` meanwhile."""
    with _open(data) as handle:
        while not _locked(handle, fcntl.LOCK_SH):
            alive()
            time.sleep(0.05)
        yield


@contextlib.contextmanager
def decoding(
    data: DataFolder, places: int, alive: Callable[[], None] = lambda: None, patience: float = 120.0
) -> Iterator[None]:
    """Hold one of `places` decoding slots, shared by all processes. Calls `alive` while waiting. Raises Unavailable
    (503) after `patience` seconds."""
    until = time.monotonic() + patience
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(_open(data, f"decoding.{number}.lock")) for number in range(places)]
        while not any(_locked(handle, fcntl.LOCK_EX) for handle in handles):
            if time.monotonic() > until:
                raise Unavailable("Many photos are arriving just now. Please try again in a moment.", "busy")
            alive()
            time.sleep(0.05)
        yield


@contextlib.contextmanager
def alone(data: DataFolder, patience: float = 2.0) -> Iterator[bool]:
    """Block intake for the duration of the block. Yields True with the lock, False if it was not free within `patience`
    seconds."""
    with _open(data) as handle:
        until = time.monotonic() + patience
        while not _locked(handle, fcntl.LOCK_EX):
            if time.monotonic() > until:
                yield False
                return
            time.sleep(0.05)
        yield True


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _open(data: DataFolder, name: str = "intake.lock") -> Iterator[int]:
    handle = os.open(data.root / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
