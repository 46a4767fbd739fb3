"""The registry of sources: what each can do, and how to create it.

A source's module is imported only when the source is created, so that the server can ask what it can do without loading
it.
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
    """One source. `make` creates it from its settings, not yet open; it raises PermanentFault if they cannot work."""

    make: Callable[[Any], Source]
    on_demand: bool
    """Whether it takes photos on request; otherwise photos appear by themselves."""
    shows: Literal["sphere", "lens", "either"]
    """What its photos cover: the whole sphere, the view of one lens, or either, if something else takes them."""
    live_preview: bool
    """Whether it can show a live image before a photo is taken."""


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
"""Name in the settings -> source; "none" is not a source."""


def kind_of(capture: Capture) -> SourceKind | None:
    """The kind of the source that the settings name; None for "none"."""
    return SOURCES.get(capture.source)


def make_source(capture: Capture) -> Source | None:
    """Create the source for these settings, not yet open; None for "none". Raises PermanentFault."""
    kind = kind_of(capture)
    return kind.make(capture) if kind else None
