"""The first look at an upload, in the child process that decodes it: what it is, and a small sphere of it.

The guest sees that sphere at once, while the photo waits for the worker, which replaces it with a finer one.
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
from PIL import Image

from kiosk.library.looking.first_look import WIDTH
from kiosk.pictures import decode
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pictures.tags import Tags
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import put
from kiosk.sphere.world.invent import invent

QUALITY = 85


def look(picture: Image.Image, tags: Tags) -> tuple[dict[str, Any], bytes | None]:
    """Decide what `picture` (RGB, upright) is. Returns the fields of its Place, and the JPEG of a sphere WIDTH pixels
    wide; None if phones can show the picture as it is. Raises BadInput if it cannot be placed."""
    seen = np.asarray(picture)
    place = decide(seen, tags)
    if place.is_shown_by(picture.width, picture.height):
        return asdict(place), None
    sphere, covered = put(seen, place, WIDTH)
    if not covered.all():
        sphere = invent(sphere, covered)
    return asdict(place), encode_jpeg(sphere, QUALITY, gpano=False)


def main(arguments: list[str]) -> int:
    """Decode as `decode.main` does, and look at the picture."""
    # The process may start no threads.
    cv2.setNumThreads(1)
    return decode.main(arguments, look)
