"""The detail, which is what a dream has added to its photo: extract it, resize it, and add it to the photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.compact import FixedPoint
from kiosk.sphere.grid import colatitude
from kiosk.sphere.resample import resize_detail, resize_picture
from kiosk.sphere.yaw import Turned

ROWS = 64
"""Rows processed at a time."""
NADIR_FEATHER = 6.0
"""Degrees over which the dream fades out around a kept nadir."""


def at_size(photo: np.ndarray, turned: int, width: int, height: int, sphere: bool) -> np.ndarray | Turned:
    """The photo rolled to start at column `turned` and resized, uint8. At its own size it is not copied."""
    if photo.shape[:2] == (height, width):
        return Turned(photo, turned) if turned else photo
    return resize_picture(np.roll(photo, -turned, axis=1) if turned else photo, width, height, wrap=sphere)


def begin(base: np.ndarray | Turned, detail: FixedPoint | None, sphere: bool) -> FixedPoint:
    """The initial picture of an octave: the photo at its size plus the resized detail of the previous octave."""
    height, width = base.shape[:2]
    picture = FixedPoint.empty(base.shape)
    for top in range(0, height, ROWS):
        picture[top : top + ROWS] = base[top : top + ROWS].astype(np.float32)
    if detail is not None:
        for rows, block in resize_detail(detail, width, height, sphere):
            block += base[rows]
            picture[rows] = block
    return picture


def subtract(picture: FixedPoint, base: np.ndarray | Turned) -> None:
    """Subtract the photo from `picture` in place, which leaves the detail."""
    for top in range(0, len(picture), ROWS):
        picture[top : top + ROWS] -= base[top : top + ROWS]


def lay_over(photo: np.ndarray | Turned, detail: np.ndarray | FixedPoint, recipe: DreamRecipe) -> np.ndarray:
    """Add the detail, of any size, to the photo. Returns uint8."""
    height, width = photo.shape[:2]
    picture = np.empty(photo.shape, np.uint8)
    strength = _strength(recipe, height)
    for rows, block in resize_detail(detail, width, height, not recipe.flat):
        for top in range(0, len(block), ROWS):
            where = slice(rows.start + top, min(rows.stop, rows.start + top + ROWS))
            part = block[top : top + ROWS] * strength[where]
            part += photo[where]
            np.clip(part, 0, 255, out=part)
            picture[where] = np.rint(part, out=part)
    return picture


def _strength(recipe: DreamRecipe, height: int) -> np.ndarray:
    """Factor on the detail per row, float32 [height, 1, 1]: 0 where the nadir is kept."""
    strength = np.full((height, 1, 1), recipe.strength, np.float32)
    if recipe.keep_nadir:
        degrees = 180 - colatitude(np.arange(height, dtype=np.float32), height, nadir=180)
        faded = ((degrees - recipe.keep_nadir) / NADIR_FEATHER).clip(0, 1)
        strength *= (faded * faded * (3 - 2 * faded))[:, None, None]
    return strength


def turn_back(turned: int, width: int, dream_width: int) -> int:
    return round(turned * dream_width / width)


def previewer(
    photo: np.ndarray, turned: int, picture: FixedPoint, base: np.ndarray | Turned, recipe: DreamRecipe
) -> Callable[[int], np.ndarray]:
    def preview(width: int) -> np.ndarray:
        height = max(1, round(width * photo.shape[0] / photo.shape[1]))
        # Subsample a picture that is much larger than the preview: averaging every pixel would be too slow.
        stride = max(1, picture.shape[1] // (2 * width))
        detail = picture[::stride, ::stride]
        detail -= base[::stride, ::stride]
        small = at_size(photo, turned, width, height, not recipe.flat)
        shown = lay_over(small, detail, recipe)
        return np.roll(shown, turn_back(turned, photo.shape[1], width), axis=1)

    return preview
