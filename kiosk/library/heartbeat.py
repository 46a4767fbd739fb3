"""Heartbeats: one file per process in the runtime folder, written when the process makes progress.

A heartbeat means progress, not merely that the process exists. The file holds seconds since boot, because the wall
clock may jump.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from kiosk.library import boot
from kiosk.storage import DataFolder, own_folder

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def path(data: DataFolder, name: str) -> Path:
    """The heartbeat file of `name` (worker, server, camera, lan)."""
    return data.runtime / f"{name}.heartbeat"


def beat(data: DataFolder, name: str) -> None:
    """Record progress of `name`. Cheap enough to call on every iteration: one write to memory, no flush."""
    target = path(data, name)
    try:
        handle = os.open(target, _FLAGS, 0o600)
    except FileNotFoundError:
        own_folder(target.parent)
        handle = os.open(target, _FLAGS, 0o600)
    try:
        # Overwritten in place, at a fixed length: a new file would not fit if the memory disk were full.
        os.pwrite(handle, f"{boot.identity()} {boot.now():015.3f}\n".encode("ascii"), 0)
    finally:
        os.close(handle)


def age(data: DataFolder, name: str) -> float | None:
    """Seconds since the last heartbeat of `name`; None if there was none in this boot."""
    try:
        boot_id, text = path(data, name).read_text(encoding="ascii").split()
        moment = float(text)
    except (OSError, ValueError):
        # The caller is the supervisor, which must not crash: an unreadable file counts as no heartbeat.
        return None
    return max(0.0, boot.now() - moment) if boot_id == boot.identity() and math.isfinite(moment) else None
