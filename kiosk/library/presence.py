"""Which workers are alive: each locks a file of its own, and the kernel drops the lock when the process ends.

A worker's name is never reused, so its lease cannot be mistaken for another worker's. The lock tells the others at once
that a worker has died, without waiting for its lease to run out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from kiosk.storage import DataFolder

_SUFFIX = ".worker"


def new_name() -> str:
    """A new, unique worker name that begins with `prefix_of` this process."""
    return prefix_of(os.getpid()) + secrets.token_hex(8)


def prefix_of(process: int) -> str:
    """The prefix of the names of all workers in the process with this ID."""
    return f"worker-{process}-"


@contextlib.contextmanager
def present(data: DataFolder, name: str) -> Iterator[None]:
    """Mark `name` as alive for the duration of the block."""
    path = _path(data, name)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        # The file stays: an existing but unlocked file means that this worker has ended.
        os.close(handle)


def has_ended(data: DataFolder, name: str) -> bool:
    """Whether the worker called `name` is known to have ended; False if nothing is known about it."""
    try:
        handle = os.open(_path(data, name), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def forget_ended(data: DataFolder, keep: set[str]) -> None:
    """Remove the files of workers that have ended, except those in `keep`."""
    for path in data.runtime.glob(f"*{_SUFFIX}"):
        name = path.name.removesuffix(_SUFFIX)
        if name not in keep and has_ended(data, name):
            path.unlink(missing_ok=True)


def _path(data: DataFolder, name: str) -> Path:
    return data.runtime / f"{name}{_SUFFIX}"
