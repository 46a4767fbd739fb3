"""A gate between those who bring files in and the sweep that removes what nobody brought to an end.

Until its transaction, a photo that is being taken in looks exactly like debris. Everybody who takes one in holds a
shared lock on one file; the sweep wants it for itself. As many decoders as the machine has memory for may run at once,
whoever started them: each place is a file that its holder locks. The kernel drops the locks of a process that dies.
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
    """Hold off the sweep; waits while one is running, calling `alive`."""
    with _open(data) as handle:
        while not _locked(handle, fcntl.LOCK_SH):
            alive()
            time.sleep(0.05)
        yield


@contextlib.contextmanager
def decoding(
    data: DataFolder, places: int, alive: Callable[[], None] = lambda: None, patience: float = 120.0
) -> Iterator[None]:
    """Hold one of `places` for decoding, of all processes together, calling `alive` while waiting for one. Raises
    Unavailable (503) after `patience` seconds."""
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
    """True where nobody is taking anything in, for as long as the block lasts; False after `patience` seconds."""
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
