"""What a photo shows once and a world should not repeat: an object in the middle, and what is written on paper.

Found on the small sphere, so that it is the same at every width.
"""

from __future__ import annotations

import cv2
import numpy as np

RIM = 3
"""Pixels from the border within which colors are those around an object."""
APART = 40.0
"""Distance in RGB, in 8-bit levels, at which a pixel stands off the colors at the rim."""
COMMON = 0.08
"""Share of the rim that has a color if it is one of the surroundings'."""
OBJECT = (0.03, 0.55)
"""Least and largest share of a photo that an object takes."""
LARGE = 0.25
"""Share of a photo beyond which an object is large."""
EVEN, MIXED = 30.0, 75.0
"""Median distance in RGB of the rim's colors from their median, at most, around a small object and around a large one.
What stands off in a landscape is part of the place; and a rim of all colors shows no surroundings."""
COMPACT = 0.5
"""Share of its box that an object fills, at least."""
ALONE = 0.25
"""Largest share of the object's size that other such things may take; else there are several."""
PAPER, WRITTEN = 170.0, 22.0
"""Light of paper, at least; what is this much darker is written."""
SHADE = 8.0
"""What is this much darker than paper three pixels beside it is written, too."""
GRAY = 36.0
"""Largest spread of red, green and blue in gray."""
MOSTLY = 0.5
"""Share of a document that is paper."""


def singular(colors: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """What is not to be repeated of a photo, bool [H, W]. colors: float32 [H, W, 3], 0..255; covered: bool [H, W]."""
    written = _written(colors, covered)
    return written if written is not None else _object(colors, covered)


def _written(colors: np.ndarray, covered: np.ndarray) -> np.ndarray | None:
    """What is written, or drawn, on paper. None if the photo is no document."""
    light, spread = colors.mean(2), np.ptp(colors, axis=2)
    paper = float(np.quantile(light[covered], 0.8))
    plain = covered & (light > paper - 2 * WRITTEN) & (spread < GRAY)
    if paper < PAPER or plain.sum() < MOSTLY * covered.sum():
        return None
    # Thin writing is lost in the pixels of a small sphere, but for a shade of gray.
    around = np.where(covered, light, paper).astype(np.float32)
    shade = cv2.morphologyEx(around, cv2.MORPH_BLACKHAT, np.ones((7, 7), np.uint8))
    return _wider(covered & ((light < paper - WRITTEN) | (spread >= GRAY) | (shade > SHADE)))


def _object(colors: np.ndarray, covered: np.ndarray) -> np.ndarray:
    nothing = np.zeros(covered.shape, bool)
    inner = cv2.erode(covered.astype(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0
    rim = colors[covered & ~inner]
    if not inner.any():
        return nothing
    apart = np.linalg.norm(colors[inner][:, None] - rim[None, :: max(1, len(rim) // 200)], axis=2)
    off = nothing.astype(np.uint8)
    off[inner] = np.quantile(apart, COMMON, axis=1) > APART
    # Stripes, and what lies between the legs, belong to the animal.
    off = cv2.morphologyEx(off, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    count, _, stats, _ = cv2.connectedComponentsWithStats(off)
    if count < 2:
        return nothing
    sizes = stats[1:, cv2.CC_STAT_AREA]
    largest = int(sizes.argmax())
    share = sizes[largest] / covered.sum()
    box = stats[largest + 1, cv2.CC_STAT_WIDTH] * stats[largest + 1, cv2.CC_STAT_HEIGHT]
    if sizes[largest] < COMPACT * box:
        return nothing
    if not OBJECT[0] <= share <= OBJECT[1] or sizes.sum() - sizes[largest] > ALONE * sizes[largest]:
        return nothing
    uneven = float(np.median(np.linalg.norm(rim - np.median(rim, 0), axis=1)))
    if uneven > (EVEN if share < LARGE else MIXED):
        return nothing
    return _wider(off > 0)


def _wider(mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
