"""What the big screen shows: the newest dreams, the queue, and what is wrong, in one picture of the moment."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable

from kiosk.errors import KioskError
from kiosk.library.library import Library
from kiosk.library.records import OWN, Status
from kiosk.server.api.shapes import LatestBody, QueueBody, StatusBody, TroubleBody
from kiosk.server.api.status import status_body
from kiosk.server.operator.problems import Problem, find_problems

LATEST = 12
STARTING_SECONDS = 30.0
"""The worker may take so long to begin before it is called missing on a screen that guests see."""
PAUSED = Problem("paused", "Intake is paused; resume it on the operator's page.")


class Screen:
    """Reads the library for the big screen. has_camera: whether the kiosk has one, whose faults are then told."""

    def __init__(self, library: Library, has_camera: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._library = library
        self._has_camera = has_camera
        self._clock = clock
        self._started = clock()
        self._photos: list[StatusBody] = []

    def now(self) -> LatestBody:
        """How things are; asks the database, so call it off the loop. What cannot be read any more stays as it was."""
        queue: list[QueueBody] = []
        try:
            self._photos = [status_body(status) for status in self._library.latest(LATEST)]
            queue = [_queued(status) for status in self._library.unfinished()]
        except (sqlite3.Error, KioskError):
            pass  # among what is wrong
        return LatestBody(photos=self._photos, queue=queue, out_of_service=self.trouble())

    def trouble(self) -> TroubleBody | None:
        """What guests have to expect now, None where all is well; asks the database."""
        problems = find_problems(self._library, self._has_camera)
        with contextlib.suppress(sqlite3.Error, KioskError):
            if self._library.flag("intake_paused"):
                problems.append(PAUSED)
        if self._clock() - self._started < STARTING_SECONDS:
            problems = [problem for problem in problems if problem.code != "worker_missing"]
        first = problems[0] if problems else None
        return TroubleBody(code=first.code, message=first.for_guests) if first else None


def _queued(status: Status) -> QueueBody:
    body = status_body(status)
    own = status.photo.source in OWN
    return QueueBody(
        state=body.state,
        progress=body.progress,
        eta_seconds=body.eta_seconds,
        position=body.position,
        token=body.token if own else None,
        images=body.images if own else None,
    )
