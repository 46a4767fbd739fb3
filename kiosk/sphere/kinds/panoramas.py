"""Panoramas that say little of their place: bands around the horizon, as phones sweep them."""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.pictures.tags import Tags
from kiosk.sphere.kinds.views import FARTHEST, LEAST_FOCAL
from kiosk.sphere.place import Place

SENSOR = 34.6
"""mm: the long side of a 4:3 frame with the diagonal of 24 x 36 mm. A phone sweeps upright, so it is the height of the
band."""
APPLE = 0.8
"""Part of that height that an iPhone keeps: between 0.73 (iPhone 4S, hdview.wordpress.com, "View iOS6 Panoramas on
Photosynth", 2012) and 0.86 (iPhone 5 at the 240 degrees that Apple names for its longest panorama)."""
HIGH = 55.0
"""Degrees: height of a band without a focal length. An iPhone's of 26 mm has 56."""
NEARLY = 345.0
"""Degrees from which a band is taken for a whole turn."""
CLAIMED = 300.0
"""Degrees below which a phone's claim is believed although the ends match."""
LONGEST = 340.0
"""Degrees of a panorama swept upward, at most."""
FOOT = 60.0
"""Degrees below the horizon at which a long panorama swept upward begins, at most."""
COMPARED = (512, 96)
"""Width and height in pixels at which ends are compared: noise is averaged out, structure is left."""
ALIKE = 0.42
"""In bands of the virtual camera's scenes and of a photographed sphere, cut open anywhere, ends that belong together
match in 87 of 100 cases; those of parts two thirds as long in 1."""
OPEN = 0.8
"""The ends of a sphere that was stitched badly still match better than this."""
SHIFT = 2
"""Rows by which the ends may be shifted against each other."""


def band(picture: np.ndarray, tags: Tags) -> Place:
    """The place of a wide picture (uint8 [h, w, 3]): on a cylinder around the horizon."""
    height, width = picture.shape[:2]
    across = _swept(width, height, tags)
    claimed = tags.degrees is not None and tags.degrees < CLAIMED
    if across >= NEARLY or (not claimed and ends_match(picture)):
        across = 360.0
    elif not claimed:
        across = max(FARTHEST, min(across, math.degrees(width / LEAST_FOCAL)))
    half = height / 2 / (width / math.radians(across))
    return Place("band", "cylindrical", across, 2 * math.degrees(math.atan(half)))


def upward(width: int, height: int, tags: Tags) -> Place:
    """The place of a tall panorama, from the ground in front over the zenith."""
    down = min(LONGEST, _swept(height, width, tags))
    half = width / 2 / (height / math.radians(down))
    return Place("band", "transverse", 2 * math.degrees(math.atan(half)), down, pitch=max(0.0, down / 2 - FOOT))


def _swept(length: int, across: int, tags: Tags) -> float:
    """Degrees of a sweep `length` pixels long and `across` pixels wide, FARTHEST to 360."""
    if tags.degrees is not None:
        return max(FARTHEST, min(360.0, tags.degrees))
    half = math.tan(math.radians(HIGH / 2))
    if tags.focal_mm is not None:
        half = SENSOR / 2 / tags.focal_mm * (APPLE if tags.panorama == "Apple" else 1)
    return max(FARTHEST, min(360.0, math.degrees(length * 2 * half / across)))


def ends_match(picture: np.ndarray) -> bool:
    """Whether the left and right ends of a wide picture (uint8 [h, w, 3]) are neighbors.

    The first and last columns then differ about as little as columns side by side, and less than ALIKE times as much
    as columns half a picture apart.
    """
    jump, beside, apart = _ends(picture)
    return jump < 3 * beside + 2 and jump < ALIKE * apart


def ends_differ(picture: np.ndarray) -> bool:
    """Whether the left and right ends of a picture (uint8 [h, w, 3]) show that it does not go all around: they differ
    as much as columns half a picture apart."""
    jump, beside, apart = _ends(picture)
    return jump > 3 * beside + 2 and jump > OPEN * apart


def _ends(picture: np.ndarray) -> tuple[float, float, float]:
    """Mean differences in levels: of the first and the last column, of columns side by side, and of columns half a
    picture apart."""
    size = (min(COMPARED[0], picture.shape[1]), min(COMPARED[1], picture.shape[0]))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    rows = len(small)
    shift = min(SHIFT, rows // 8)
    first, last = small[shift : rows - shift, 0], small[:, -1]
    jump = min(float(np.abs(first - last[top : top + len(first)]).mean()) for top in range(2 * shift + 1))
    beside = float(np.median(np.abs(np.diff(small, axis=1)).mean(axis=(0, 2))))
    apart = float(np.median(np.abs(small - np.roll(small, size[0] // 2, axis=1)).mean(axis=(0, 2))))
    return jump, beside, apart
