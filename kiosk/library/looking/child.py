"""The first look at an upload, in the child process that decodes it: what it is, a small sphere of it, and
a smaller picture of that for lists.

The guest sees the sphere at once, while the photo waits for the worker, which replaces it with a finer one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

# NumPy imports these when they are first used, but the process may open no files then.
import numpy.fft
import numpy.linalg
import numpy.ma
import numpy.random
from PIL import (
    Image,
    WebPImagePlugin,  # noqa: F401
)

from kiosk.library.looking.first_look import WIDTH
from kiosk.library.looking.thumb import encode_thumb
from kiosk.pictures import decode
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pictures.tags import Tags
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import put
from kiosk.sphere.world.invent import invent

QUALITY = 85
ENOUGH = 2 * WIDTH
"""Pixels of the longer side that are enough for the small sphere, and for every limit that depends on pixels."""
ROWS = 256
"""Rows that are copied at a time."""


def look(picture: Image.Image, tags: Tags) -> tuple[dict[str, Any], tuple[bytes | None, ...]]:
    """Decide what `picture` (RGB, upright) is. Returns the fields of its Place, and two files: the JPEG of a sphere
    WIDTH pixels wide, None if phones can show the picture as it is; and the small picture for lists, of the left eye if
    there are two. Raises BadInput if it cannot be placed, MemoryError if there is not enough memory."""
    try:
        seen = reduced(picture)
        place = decide(seen, tags, picture.size)
        if place.is_shown_by(picture.width, picture.height):
            left = seen[: seen.shape[0] // 2] if place.kind == "stereo" else seen
            return asdict(place), (None, encode_thumb(left))
        sphere, covered = put(seen, place, WIDTH)
        if not covered.all():
            sphere = invent(sphere, covered)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise
    return asdict(place), (encode_jpeg(sphere, QUALITY, gpano=False), encode_thumb(sphere))


def reduced(picture: Image.Image) -> np.ndarray:
    """The pixels of `picture`, uint8 [h, w, 3], reduced as far as its place and the small sphere allow: a large photo
    as an array takes nearly as much memory as its decoding. The shape stays exactly the same."""
    width, height = picture.size
    factors = range(max(width, height) // ENOUGH, 1, -1)
    # Two eyes are recognized in a square at its own size only.
    factor = next((n for n in factors if width % n == 0 and height % n == 0), 1) if width != height else 1
    if factor > 1:
        picture = picture.reduce(factor)
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, ROWS):
        # Pillow would hold two more copies of the whole.
        bottom = min(top + ROWS, picture.height)
        pixels[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))
    return pixels


def main(arguments: list[str]) -> int:
    """Decode as `decode.main` does, and look at the picture."""
    # The process may start no threads.
    cv2.setNumThreads(1)
    return decode.main(arguments, look)
