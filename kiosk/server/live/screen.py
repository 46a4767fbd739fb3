"""The big screen's content: the newest dreams, the queue, and any fault."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable

from kiosk.errors import KioskError
from kiosk.library.library import Library
from kiosk.library.records import INTAKE_PAUSED, OWN, Status
from kiosk.people.showing import newest
from kiosk.server.api.shapes import LatestBody, QueueBody, StatusBody, TroubleBody
from kiosk.server.api.status import status_body
from kiosk.server.operator.problems import Problem, find_problems

LATEST = 12
STARTING_SECONDS = 30.0
"""How long the worker may take to start before the screen reports it as missing."""
PAUSED = Problem("paused", "Intake is paused; resume it on the operator's page.")


class Screen:
    """Reads the library for the big screen. has_camera: report the camera's faults."""

    def __init__(self, library: Library, has_camera: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._library = library
        self._has_camera = has_camera
        self._clock = clock
        self._started = clock()
        self._photos: list[StatusBody] = []

    def now(self) -> LatestBody:
        """The current content. Reads the database, so call it off the event loop. If that fails, the last photos are
        kept."""
        queue: list[QueueBody] = []
        try:
            self._photos = [status_body(status) for status in newest(self._library, LATEST).statuses]
            queue = [_queued(status) for status in self._library.unfinished()]
        except (sqlite3.Error, KioskError):
            pass  # reported by trouble()
        return LatestBody(photos=self._photos, queue=queue, out_of_service=self.trouble())

    def trouble(self) -> TroubleBody | None:
        """The most serious problem, worded for guests; None if there is none. Reads the database."""
        problems = find_problems(self._library, self._has_camera)
        with contextlib.suppress(sqlite3.Error, KioskError):
            if self._library.flag(INTAKE_PAUSED):
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
