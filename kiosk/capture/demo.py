"""The camera of `dreamkiosk run --demo`: the virtual camera, which takes photos by itself when the booth is idle."""

from __future__ import annotations

import logging
import threading
import time

from kiosk.capture.fault import report_fault
from kiosk.capture.loop import NOT_READY
from kiosk.capture.registry import SOURCES
from kiosk.errors import KioskError
from kiosk.library import heartbeat, shutter
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import QUEUED, WORKING
from kiosk.names import CAMERA
from kiosk.settings import VirtualCapture
from kiosk.storage import DataFolder

log = logging.getLogger(__name__)

IDLE_SECONDS = 240.0
"""Seconds with an empty queue after which the camera takes another photo."""
KEPT = 20
"""The most photos that the demo takes by itself, so that a booth left on overnight does not fill its disk."""


def run_demo_camera(data: DataFolder, stop: threading.Event, idle_seconds: float = IDLE_SECONDS) -> None:
    """Photograph the virtual scene at the start, on every request, and after each `idle_seconds` with an empty
    queue."""
    source = SOURCES["virtual"].make(VirtualCapture())
    shutter.forget(data)
    report_fault(data, None)  # a real camera's, from an earlier run
    quiet_since = time.monotonic() - idle_seconds  # the first one now
    taken = 0
    with Library(data) as library:
        source.open()

        def alive() -> None:
            heartbeat.beat(data, CAMERA)

        try:
            while not stop.is_set():
                alive()
                counts = library.counts()
                now = time.monotonic()
                if any(counts.get(state) for state in QUEUED + WORKING):
                    quiet_since = max(quiet_since, now)
                asked = shutter.take(data)
                if asked or (now - quiet_since >= idle_seconds and taken < KEPT):
                    quiet_since = now
                    taken += asked is None
                    try:
                        shot = source.capture(alive)
                        if shot is not None:
                            photo = accept(library, shot.source(), origin="camera", asked=asked, alive=alive)
                            log.info("the virtual camera took photo %s", photo.id)
                        shutter.done(data)
                    except KioskError as error:
                        log.warning("the virtual camera's photo was not taken in: %s", error)
                        if asked is not None:
                            shutter.refuse(data, asked, "camera", NOT_READY)
                stop.wait(0.5)
        finally:
            source.close()
