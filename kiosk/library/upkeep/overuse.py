"""A worker that was killed for the memory it took: the next one hears of it, and fails the photo at once.

Who kills it (the supervisor, or the kernel, which the supervisor notices) has no time for the database; it leaves the
process's id in the runtime folder.
"""

from __future__ import annotations

import re

from kiosk.library import presence
from kiosk.library.library import Library
from kiosk.storage import DataFolder, write_atomic

CODE = "memory"
TOO_LARGE = "This photo needs more memory than the kiosk has, so it could not be dreamed. Please send a smaller one."
_NAME = re.compile(r"worker-(\d{1,10})\.overuse")


def note_killed(data: DataFolder, process: int) -> None:
    """Say that the worker in `process` is being killed for its memory; before it is. Raises Unavailable."""
    write_atomic(data.runtime / f"worker-{process}.overuse", "")


def fail_overused(library: Library) -> int:
    """Fail the photos that workers were killed over; how many. Call it before anything is leased."""
    failed = 0
    for path in library.data.runtime.glob("worker-*.overuse"):
        if found := _NAME.fullmatch(path.name):
            failed += library.jobs.fail_leases_of(presence.prefix_of(int(found[1])), TOO_LARGE, CODE)
        path.unlink(missing_ok=True)
    return failed
