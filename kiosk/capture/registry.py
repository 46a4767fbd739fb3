"""The source that the settings name."""

from __future__ import annotations

from kiosk.capture.folder import FolderSource
from kiosk.capture.picamera import PiCamera
from kiosk.capture.source import Source
from kiosk.capture.virtual_camera import VirtualCamera
from kiosk.settings import Capture


def make_source(capture: Capture) -> Source | None:
    """The source for these settings, not yet open; None where there is none. Raises PermanentFault."""
    if capture.source == "virtual":
        return VirtualCamera()
    if capture.source == "folder":
        return FolderSource(capture.folder)
    if capture.source == "picamera2":
        return PiCamera()
    return None
