"""Previews: small frames of the growing dream, kept in memory, for guests who are already watching."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable

import numpy as np

from kiosk.errors import Unavailable
from kiosk.library.files import PhotoFiles, folder_size
from kiosk.library.library import Library
from kiosk.library.records import Image
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.storage import TEMPORARY_SUFFIX

log = logging.getLogger(__name__)

WIDTH = 1024
QUALITY = 82
MOST = 24
"""Planned frames per photo, about 2 MB. If a dream takes longer than planned, the interval doubles at each multiple."""
SHORTEST = 0.9
"""Minimum seconds between frames: a phone has to load and cross-fade each."""
KEEP_MEGABYTES = 64
"""Memory for the frames of all photos together. Frames of the oldest finished photos are removed first."""


Announce = Callable[[Image, Callable[[], None]], None]
"""Adds a frame to the library and calls the second argument to move its file into place; both happen or neither."""


class Previews:
    """Writes the frames of one photo. `announce` adds each to the library; `seconds`: planned length of the dream."""

    def __init__(self, files: PhotoFiles, announce: Announce, seconds: float) -> None:
        self._files = files
        self._announce = announce
        self._interval = max(SHORTEST, seconds / MOST)
        self._last: float | None = None
        files.previews.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._next = sum(1 for _ in files.previews.glob("*.jpg"))  # a resumed dream continues the numbering

    def due(self) -> bool:
        return self._last is None or time.monotonic() - self._last >= self._interval

    def show(self, picture: np.ndarray) -> None:
        """Write `picture` (uint8 [H, 2H, 3]) as the next frame; the file is complete before it is announced.

        If the disk or memory is full or the library is busy, the frame is skipped: previews never fail a dream.
        """
        self._last = time.monotonic()
        target = self._files.preview(self._next)
        # The lease is part of the name, so that a worker that lost it cannot overwrite this file.
        part = target.with_suffix(f".{self._files.lease or 0}{TEMPORARY_SUFFIX}")
        height, width = picture.shape[:2]

        def put() -> None:
            part.replace(target)

        try:
            part.write_bytes(encode_jpeg(picture, QUALITY, gpano=False))
            self._announce(Image("preview", f"previews/{target.name}", width, height), put)
        except (OSError, Unavailable) as error:
            log.warning("skipped a preview: %s", error)
            return
        finally:
            part.unlink(missing_ok=True)
        self._next += 1
        if self._next % MOST == 0:
            self._interval *= 2


def prune(library: Library, keep: int = KEEP_MEGABYTES * 1_000_000) -> None:
    """Remove frames of photos that are no longer being made, oldest photo first, until at most `keep` bytes remain."""
    folder = library.data.runtime / "previews"
    if not folder.is_dir():
        return
    sizes = {path.name: folder_size(path) for path in folder.iterdir() if path.is_dir()}
    used = sum(sizes.values())
    if used <= keep:
        return
    photos = [status.photo for status in library.statuses(list(sizes)).values()]
    for photo in sorted(photos, key=lambda photo: photo.id):
        if used <= keep:
            return
        if photo.state not in ("ready", "failed", "expired", "deleted"):
            continue
        with library.writing() as connection:
            connection.execute("DELETE FROM images WHERE kind = 'preview' AND photo_id = ?", (photo.id,))
        shutil.rmtree(folder / photo.token, ignore_errors=True)
        used -= sizes[photo.token]
