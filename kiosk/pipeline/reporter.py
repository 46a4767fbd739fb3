"""The worker's Reporter: writes one job's progress to the library and ends the job when it has to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kiosk.errors import KioskError, Unavailable
from kiosk.library import heartbeat
from kiosk.library.jobs import LeaseLost
from kiosk.library.library import Library
from kiosk.library.records import GONE, WORKING, Image, Job, State
from kiosk.names import WORKER
from kiosk.pipeline.previews import Previews
from kiosk.planning.machine import Machine
from kiosk.planning.plan import Plan

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
RENEW_SECONDS = 15.0
CHECK_SECONDS = 0.5
"""Interval of the check whether the photo was deleted."""


class Stopped(KioskError):
    """The worker was asked to stop."""

    def __init__(self) -> None:
        super().__init__("stopped", "stopped")


class JobReporter:
    """Writes one job's progress to the library and renews its lease. `record` collects what was done.

    `cancelled` raises Stopped if `stopping()` is true, and LeaseLost if the photo was deleted.
    """

    def __init__(self, library: Library, job: Job, plan: Plan, machine: Machine, stopping: Callable[[], bool]) -> None:
        self._library = library
        self._job = job
        self._expected: dict[State, float] = dict(
            zip(WORKING, (plan.dream_seconds, plan.upscale_seconds, plan.publish_seconds), strict=True)
        )
        self._machine = machine
        self._stopping = stopping
        self._files = library.files(job.token).under(job.fence)
        self._previews = Previews(self._files, self._announce, plan.dream_seconds)
        self._state: State = WORKING[0]
        self._entered = time.monotonic()
        self._checked = self._renewed = time.monotonic()
        self.record: dict[str, Any] = {}

    def enter(self, state: State) -> None:
        self._state, self._entered = state, time.monotonic()
        self.progress(0.0)

    def progress(self, fraction: float, eta_seconds: float | None = None) -> None:
        expected = list(self._expected.values())
        index = WORKING.index(self._state)
        if eta_seconds is None:
            spent = time.monotonic() - self._entered
            # Use the plan until a tenth of the stage is done, then the stage's own pace.
            eta_seconds = spent / fraction * (1 - fraction) if fraction > 0.1 else expected[index] * (1 - fraction)
        whole = sum(expected) or 1.0
        so_far = (sum(expected[:index]) + expected[index] * fraction) / whole
        self._alive()
        self._library.jobs.progress(
            self._job, self._state, min(so_far, 0.999), eta_seconds + sum(expected[index + 1 :])
        )

    def preview_due(self) -> bool:
        return self._previews.due()

    def preview(self, picture: np.ndarray) -> None:
        self._previews.show(picture)

    def images(self, images: list[Image]) -> None:
        self._library.jobs.add_images(self._job, images, self._files.move_in)
        self._alive()

    def stereo(self, mode: str) -> None:
        self._library.jobs.say_stereo(self._job, mode)

    def cancelled(self) -> bool:
        if self._stopping():
            raise Stopped
        now = time.monotonic()
        if now - self._checked >= CHECK_SECONDS:
            self._checked = now
            if self._library.photo(self._job.token).state in GONE:
                raise LeaseLost
            self._alive()
        return False

    def measured(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        self._machine.note(kind, label, megapixels, seconds)

    def did(self, part: str, record: dict[str, Any]) -> None:
        self.record[part] = record

    def _announce(self, image: Image, put: Callable[[], None]) -> None:
        self._library.jobs.add_images(self._job, [image], put)

    def _alive(self) -> None:
        heartbeat.beat(self._library.data, WORKER)
        if time.monotonic() - self._renewed >= RENEW_SECONDS:
            self._renewed = time.monotonic()
            try:
                self._library.jobs.renew(self._job, LEASE_SECONDS)
            except Unavailable as error:
                # Busy or disk full. An expired lease stays valid until another worker takes the job.
                log.warning("photo %s: cannot renew the lease: %s", self._job.id, error)
