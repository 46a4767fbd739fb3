"""Ordinary photos: a view at the horizon, at the angle of the lens."""

from __future__ import annotations

import math

from kiosk.pictures.tags import Tags
from kiosk.sphere.kinds.fisheyes import Disc
from kiosk.sphere.place import Place

FRAME = 36.0
"""mm: the long side of the frame that 35 mm equivalent focal lengths belong to. By the frame's diagonal, as CIPA
DCG-001 allows too, a 4:3 photo would be 2 % smaller; files do not say which is meant."""
SQUARE = 27.0
"""mm: the short side of a 4:3 frame as long. A square photo is cut from it."""
PLAIN = 67.0
"""Degrees across the long side of a photo without a focal length: a phone's main camera."""
FISHEYE = 120.0
"""Degrees across the long side of a fisheye lens without a focal length: an action camera's wide mode."""
WIDEST, WIDEST_FISHEYE = 140.0, 200.0
"""Degrees across the long side, at most. A wider rectilinear view would be all edge."""
SCREEN = 50.0
"""Degrees across the long side of a screenshot: it shows no scene, so it hangs in the world like a screen."""
LEAST_FOCAL = 2048 / (2 * math.pi) / 2
"""Pixels per radian at a photo's center, at least: so it is enlarged at most twice on a sphere 2048 pixels wide, and
does not show more of its pixels than of its scene."""
NARROWEST = 20.0
"""Degrees across the long side that even the smallest picture gets."""
FARTHEST = 10.0
"""Degrees across the long side that even the longest lens gets: less would be a dot that nobody finds."""


def view(width: int, height: int, tags: Tags) -> Place:
    """The place of an ordinary photo of that size: upright at the horizon, straight ahead."""
    long, short = max(width, height), min(width, height)
    frame = min(FRAME, SQUARE * long / short)
    if tags.lens == "fisheye":
        angle = FISHEYE if tags.focal_mm is None else max(FARTHEST, math.degrees(frame / tags.focal_mm))
        angle = min(angle, WIDEST_FISHEYE, max(NARROWEST, math.degrees(long / LEAST_FOCAL)))
        return Place("view", "fisheye", angle * width / long, angle * height / long)
    focal = tags.focal_mm or FRAME / 2 / math.tan(math.radians(PLAIN / 2))
    half = max(frame / 2 / focal, math.tan(math.radians(FARTHEST / 2)))
    if tags.screenshot:
        half = math.tan(math.radians(SCREEN / 2))
    half = min(
        half, math.tan(math.radians(WIDEST / 2)), max(long / 2 / LEAST_FOCAL, math.tan(math.radians(NARROWEST / 2)))
    )
    across, down = (2 * math.degrees(math.atan(half * side / long)) for side in (width, height))
    return Place("view", "rectilinear", across, down)


def disc(width: int, height: int, found: Disc) -> Place:
    """The place of a picture of that size with a circular fisheye's disc: half the world."""
    per_pixel = 90 / found.radius
    right, down = (found.x - width / 2) * per_pixel, (found.y - height / 2) * per_pixel
    across, high = width * per_pixel, height * per_pixel
    return Place("view", "fisheye", across, high, axis_right=right, axis_down=down, reach=90 * RIM)


RIM = 0.98
"""Part of a disc's radius that is used: its rim is blurred into the black around it."""
