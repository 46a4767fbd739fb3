"""The health checks shared by the monitoring, the operator's page and the big screen."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass

from kiosk import __version__
from kiosk.capture.fault import read_fault
from kiosk.library import heartbeat, notices
from kiosk.library.library import Library
from kiosk.library.records import QUEUED, WORKING
from kiosk.names import WORKER
from kiosk.server.api.shapes import HealthBody
from kiosk.storage import free_bytes

# The worker's heartbeat means progress. An iteration takes seconds on a slow board, never this long.
WORKER_SECONDS = 90
GUESTS = {
    "database": "The kiosk has to rest for a moment. Please come back in a few minutes.",
    "worker_missing": "Dreaming begins in a while. Photos are kept, and each will have its turn.",
    "worker_silent": "Dreaming takes a rest just now. Photos are kept, and each will have its turn.",
    "disk_full": "There is no room for new photos at the moment. The dreams that are here can still be looked at.",
    "camera": "The camera is not ready at the moment. You can dream a photo from your phone.",
    "paused": "The kiosk is taking a break. Please come back in a few minutes.",
    "trouble": "The kiosk needs a moment. Please come back in a few minutes.",
}
"""Problem code -> what guests read; "trouble" is for any other code. The pages translate it."""


@dataclass(frozen=True)
class Problem:
    """One problem: a code for programs, and a sentence that tells the operator what to do."""

    code: str
    message: str

    @property
    def for_guests(self) -> str:
        """What the problem means for guests. It never says what is broken, because guests cannot fix it."""
        return GUESTS.get(self.code, GUESTS["trouble"])


def examine(library: Library, has_camera: bool = False) -> HealthBody:
    """Check the database, the worker, the disk and, if there is one, the camera."""
    problems = find_problems(library, has_camera)
    age = heartbeat.age(library.data, WORKER)
    counts: dict = {}
    with contextlib.suppress(sqlite3.Error):
        counts = library.counts()
    return HealthBody(
        status="unwell" if problems else "ok",
        problems=[problem.message for problem in problems],
        notices=notices.said(library.data),
        version=__version__,
        database=all(problem.code != "database" for problem in problems),
        worker_age_seconds=None if age is None else round(age, 1),
        disk_free_bytes=free_bytes(library.data.photos),
        queue=sum(counts.get(state, 0) for state in QUEUED + WORKING),
        proof=None,
    )


def find_problems(library: Library, has_camera: bool = False) -> list[Problem]:
    """The current problems, most serious first."""
    problems = []
    try:
        library.counts()
    except sqlite3.Error as error:
        problems.append(Problem("database", f"The database cannot be read ({error}). Restart the kiosk."))
    age = heartbeat.age(library.data, WORKER)
    if age is None:
        problems.append(Problem("worker_missing", "The worker has not started, so photos wait. Check its log."))
    elif age > WORKER_SECONDS:
        problems.append(
            Problem("worker_silent", f"The worker made no progress for {age:.0f} s; photos wait. Restart the kiosk.")
        )
    free = free_bytes(library.data.photos)
    if free < library.retention.reserve_gb * 1e9:
        problems.append(
            Problem("disk_full", f"Only {free / 1e9:.1f} GB of disk are free: new photos are refused. Free some space.")
        )
    if has_camera and (fault := read_fault(library.data)):
        problems.append(Problem("camera", fault))
    return problems
