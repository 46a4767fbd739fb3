"""Asking the kiosk to start its processes anew, because the settings have changed.

The server leaves a request in the runtime folder; the supervisor, which reads the settings again, takes it. Without a
supervisor it stays there, and nothing happens until the next start.
"""

from __future__ import annotations

from kiosk.storage import DataFolder, write_atomic

_NAME = "restart.request"


def ask(data: DataFolder) -> None:
    """Ask for a restart. Raises Unavailable if the runtime folder cannot be written."""
    write_atomic(data.runtime / _NAME, "", permissions=0o600)


def take(data: DataFolder) -> bool:
    """Whether a restart was asked for since the last call."""
    try:
        (data.runtime / _NAME).unlink()
    except OSError:
        return False
    return True
