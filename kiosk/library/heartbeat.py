"""Signs of life: a file a process in the runtime folder, written when it has got on with its work.

A heartbeat means progress, not merely that a process exists. The file holds the second of this boot's clock, because
the wall clock may jump.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from kiosk.library import boot
from kiosk.storage import DataFolder, own_folder

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def path(data: DataFolder, name: str) -> Path:
    """Where the heartbeat of `name` (worker, server, camera) is."""
    return data.runtime / f"{name}.heartbeat"


def beat(data: DataFolder, name: str) -> None:
    """Say that `name` is getting on. Cheap enough for every iteration: memory, no flush."""
    target = path(data, name)
    try:
        handle = os.open(target, _FLAGS, 0o600)
    except FileNotFoundError:
        own_folder(target.parent)
        handle = os.open(target, _FLAGS, 0o600)
    try:
        # In place and always as long: a new file would find no room where the memory disk is full.
        os.pwrite(handle, f"{boot.identity()} {boot.now():015.3f}\n".encode("ascii"), 0)
    finally:
        os.close(handle)


def age(data: DataFolder, name: str) -> float | None:
    """Seconds since the last beat of `name`; None where it has not beaten in this boot."""
    try:
        boot_id, text = path(data, name).read_text(encoding="ascii").split()
        moment = float(text)
    except (OSError, ValueError):
        # Whoever asks keeps the kiosk alive: what cannot be read is a beat that was not heard.
        return None
    return max(0.0, boot.now() - moment) if boot_id == boot.identity() and math.isfinite(moment) else None
