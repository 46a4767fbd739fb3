"""The sources of photos: what each can do, and how it is made.

What a source needs is imported when it is made, so that who only asks what it can do, such as the server, stays small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from kiosk.capture.source import Source
    from kiosk.settings import Capture, FolderCapture, PiCameraCapture, VirtualCapture


@dataclass(frozen=True)
class SourceKind:
    """One source. `make` gives it for its settings, not yet open, and raises PermanentFault where that is no use."""

    make: Callable[[Any], Source]
    on_demand: bool
    """takes a photo when it is asked to; otherwise photos come by themselves."""
    shows: Literal["sphere", "lens", "either"]
    """what its photos hold: the whole sphere, what one lens sees, or either, where somebody else takes them."""
    live_preview: bool
    """can show what it sees before a photo is taken."""


def _virtual(_: VirtualCapture) -> Source:
    from kiosk.capture.virtual_camera import VirtualCamera

    return VirtualCamera()


def _folder(settings: FolderCapture) -> Source:
    from kiosk.capture.folder import FolderSource

    return FolderSource(settings.folder)


def _picamera2(_: PiCameraCapture) -> Source:
    from kiosk.capture.picamera import PiCamera

    return PiCamera()


SOURCES: dict[str, SourceKind] = {
    "virtual": SourceKind(_virtual, on_demand=True, shows="sphere", live_preview=False),
    "folder": SourceKind(_folder, on_demand=False, shows="either", live_preview=False),
    "picamera2": SourceKind(_picamera2, on_demand=True, shows="lens", live_preview=False),
}
"""By the name that the settings have for it; "none" is not a source."""


def kind_of(capture: Capture) -> SourceKind | None:
    """What the source that the settings name can do; None where there is none."""
    return SOURCES.get(capture.source)


def make_source(capture: Capture) -> Source | None:
    """The source for these settings, not yet open; None where there is none. Raises PermanentFault."""
    kind = kind_of(capture)
    return kind.make(capture) if kind else None
