"""Workers killed for their memory use: the next worker learns of it and fails the photo at once.

The supervisor, which kills the worker or notices that the kernel did, does not use the database. It leaves the process
ID in the runtime folder.
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
    """Record that the worker with process ID `process` is killed for its memory use. Raises Unavailable."""
    write_atomic(data.runtime / f"worker-{process}.overuse", "")


def fail_overused(library: Library) -> int:
    """Fail the photos whose workers were killed for memory; return how many. Call it before leasing anything."""
    failed = 0
    for path in library.data.runtime.glob("worker-*.overuse"):
        if found := _NAME.fullmatch(path.name):
            failed += library.jobs.fail_leases_of(presence.prefix_of(int(found[1])), TOO_LARGE, CODE)
        path.unlink(missing_ok=True)
    return failed
