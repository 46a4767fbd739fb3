"""The camera process: takes photos on request, at an interval, or as they appear, and hands them to the library.

No camera fault ends the process. It retries temporary faults with capped backoff; it reports a permanent fault once and
waits for changed settings. The heartbeat continues meanwhile, because the process itself is healthy.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kiosk import settings as settings_file
from kiosk.backoff import Backoff
from kiosk.capture.fault import report_fault
from kiosk.capture.registry import kind_of, make_source
from kiosk.capture.source import PermanentFault, Shot, Source, TemporaryFault
from kiosk.errors import BadInput, KioskError, Unavailable
from kiosk.library import heartbeat, shutter
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.names import CAMERA
from kiosk.settings import Capture, FolderCapture
from kiosk.storage import DataFolder

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
NOT_READY = "The camera is not ready at the moment. You can dream a photo from your phone."
_NO_PHOTO = "The camera's picture could not be used. Please try again."


@dataclass(frozen=True)
class Pace:
    """When photos are taken. on_demand: on request and, unless `interval` is 0, every `interval` seconds; otherwise as
    they appear."""

    on_demand: bool
    interval: float


def pace_of(capture: Capture) -> Pace:
    """The pace for these settings."""
    kind = kind_of(capture)
    return Pace(bool(kind and kind.on_demand), 0 if isinstance(capture, FolderCapture) else capture.interval)


def run_camera(data: DataFolder, stopping: Callable[[], bool] | None = None) -> None:
    """Run until `stopping()` is true (by default until SIGTERM or SIGINT). Blocks; for a process of its own."""
    if stopping is None:
        asked = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked.set())
        stopping = asked.is_set
    data.prepare()
    shutter.forget(data)
    while not stopping():
        stamp = _stamp(data.settings)
        _serve(data, lambda stamp=stamp: stopping() or _stamp(data.settings) != stamp)


def _serve(data: DataFolder, over: Callable[[], bool]) -> None:
    """Take photos with the current settings until `over()`: the settings changed, or the kiosk stops."""
    try:
        settings = settings_file.load(data.settings)
        source = make_source(settings.capture)
    except KioskError as error:
        log.error("camera: %s", error)
        report_fault(data, error)
        _wait(data, over)
        return
    if source is None:
        report_fault(data, None)
        _wait(data, over)
        return
    with Library(data, settings.retention) as library:
        _keep_trying(data, library, source, pace_of(settings.capture), over)


def _keep_trying(data: DataFolder, library: Library, source: Source, pace: Pace, over: Callable[[], bool]) -> None:
    backoff = Backoff()
    try:
        while not over():
            try:
                source.open()
                _take_photos(data, library, source, pace, over, backoff)
            except TemporaryFault as fault:
                report_fault(data, fault)
                wait = backoff.next()
                log.warning("camera: %s; retrying in %.0f s", fault, wait)
                source.close()
                until = time.monotonic() + wait
                _wait(data, lambda until=until: over() or time.monotonic() >= until)
            except PermanentFault as fault:
                report_fault(data, fault)
                log.error("camera: %s; waiting for changed settings", fault)
                _wait(data, over)
    finally:
        source.close()
        if (asked := shutter.pending(data)) is not None:
            shutter.refuse(data, asked, "camera", NOT_READY)


def _take_photos(
    data: DataFolder, library: Library, source: Source, pace: Pace, over: Callable[[], bool], backoff: Backoff
) -> None:
    def alive() -> None:
        heartbeat.beat(data, CAMERA)

    report_fault(data, None)
    due = time.monotonic() + pace.interval if pace.interval else None
    while not over():
        alive()
        asked = None
        if pace.on_demand:
            asked = shutter.take(data)
            if asked is None and (due is None or time.monotonic() < due):
                time.sleep(_LOOK_SECONDS)
                continue
            if due is not None:
                due = time.monotonic() + pace.interval
        shot = source.capture(alive, patience=1.0)
        if shot is not None:
            _hand_over(library, source, shot, asked, alive, over)
            backoff.reset()
            report_fault(data, None)


def _hand_over(
    library: Library,
    source: Source,
    shot: Shot,
    asked: str | None,
    alive: Callable[[], None],
    over: Callable[[], bool],
) -> None:
    """Hand `shot`, taken for the request `asked`, to the library. While the library is full or paused, keep the photo
    and retry, until `over()`."""
    origin = "folder" if source.name == "folder" else "camera"
    wait = Backoff()
    while True:
        try:
            photo = accept(library, shot.source(), origin=origin, asked=asked, alive=alive)
        except BadInput as error:
            log.warning("%s: %s: %s", source.name, shot.name or "photo", error)
            source.refused(shot, str(error))
            if asked is not None:
                shutter.refuse(library.data, asked, "camera_photo", _NO_PHOTO)
            return
        except Unavailable as error:
            log.warning("%s: photo not taken in: %s", source.name, error)
            until = time.monotonic() + wait.next()
            while time.monotonic() < until:
                alive()
                if over():
                    return
                time.sleep(_LOOK_SECONDS)
        else:
            # Log the ID, not the token: a token grants access to the photo.
            log.info("%s: photo %d", source.name, photo.id)
            shutter.done(library.data)
            source.accepted(shot)
            return


def _wait(data: DataFolder, over: Callable[[], bool]) -> None:
    """Wait until `over()`, refusing all requests, because no photo can be taken."""
    while not over():
        heartbeat.beat(data, CAMERA)
        if (asked := shutter.pending(data)) is not None:
            shutter.refuse(data, asked, "camera", NOT_READY)
        time.sleep(_LOOK_SECONDS)


def _stamp(settings: Path) -> tuple[int, int] | None:
    try:
        found = settings.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
