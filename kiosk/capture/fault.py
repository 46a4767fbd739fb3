"""The camera's fault: a sentence from the camera process to the operator's page and `doctor`, in the runtime folder."""

from __future__ import annotations

import contextlib

from kiosk.errors import Unavailable
from kiosk.storage import DataFolder, write_atomic

_FILE = "camera.fault"


def report_fault(data: DataFolder, sentence: object | None) -> None:
    """Publish a fault, given as a sentence or an error. None clears it."""
    path = data.runtime / _FILE
    if sentence is None:
        path.unlink(missing_ok=True)
    else:
        with contextlib.suppress(Unavailable):
            write_atomic(path, f"{sentence}\n")


def read_fault(data: DataFolder) -> str | None:
    """The current fault's sentence; None if there is none."""
    try:
        return (data.runtime / _FILE).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
