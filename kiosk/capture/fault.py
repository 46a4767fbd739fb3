"""What is wrong with the camera: a sentence that its process leaves for the operator's page and `doctor`."""

from __future__ import annotations

import contextlib

from kiosk.errors import Unavailable
from kiosk.storage import DataFolder, write_atomic

_FILE = "camera.fault"


def report_fault(data: DataFolder, sentence: object | None) -> None:
    """Say what is wrong, a sentence or an error that says one; None: nothing is, any more."""
    path = data.runtime / _FILE
    if sentence is None:
        path.unlink(missing_ok=True)
    else:
        with contextlib.suppress(Unavailable):
            write_atomic(path, f"{sentence}\n")


def read_fault(data: DataFolder) -> str | None:
    """What is wrong, or None."""
    try:
        return (data.runtime / _FILE).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
