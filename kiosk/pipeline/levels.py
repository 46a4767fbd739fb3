"""The viewer's levels: the same sphere at several widths, so that a phone sees something at once and sharpens after.

Whole pictures to 4096 pixels, beyond that tiles of 1024, of which a phone loads those it looks at. Halving by areas
needs no neighbours across the +-180 degree meridian or the poles: the areas end exactly at the picture's edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.library.files import PhotoFiles
from kiosk.library.records import Image
from kiosk.sphere.gpano import save_jpeg

WIDTHS = (1024, 2048, 4096, 8192)
LARGEST_WHOLE = 4096
TILE = 1024
QUALITY = 88


@dataclass(frozen=True)
class Level:
    """One level: `width` pixels, in square tiles of `tile` pixels or (None) whole."""

    width: int
    tile: int | None


def levels_for(width: int) -> tuple[Level, ...]:
    """The levels of a sphere `width` pixels wide, smallest first; never wider than the sphere.

    A width between two steps, up to 4096, becomes a level of its own.
    """
    widths = [step for step in WIDTHS if step <= width]
    if width <= LARGEST_WHOLE and width not in widths:
        widths.append(width)
    return tuple(Level(w, TILE if w > LARGEST_WHOLE else None) for w in widths)


def shrink(sphere: np.ndarray, width: int) -> np.ndarray:
    """`sphere` (uint8 [H, 2H, 3]) at `width` pixels, at most its own; each new pixel is the mean of its area."""
    if width == sphere.shape[1]:
        return sphere
    return cv2.resize(sphere, (width, width // 2), interpolation=cv2.INTER_AREA)


def write_levels(files: PhotoFiles, sphere: np.ndarray) -> list[Image]:
    """Write every level of `sphere` (uint8 [H, 2H, 3]) and return what to tell the library."""
    files.levels.mkdir(exist_ok=True)
    images = []
    # Largest first: each level is made from the one above it, a quarter of the pixels to read.
    picture = sphere
    for level in reversed(levels_for(sphere.shape[1])):
        picture = shrink(picture, level.width)
        if level.tile is None:
            save_jpeg(files.level(level.width), picture, QUALITY, gpano=False)
            name = f"levels/{level.width}.jpg"
        else:
            _write_tiles(files, picture, level)
            name = f"levels/{level.width}/{{col}}_{{row}}.jpg"
        images.append(Image("level", name, level.width, level.width // 2, level.tile))
    return images[::-1]


def _write_tiles(files: PhotoFiles, picture: np.ndarray, level: Level) -> None:
    assert level.tile is not None
    (files.levels / str(level.width)).mkdir(exist_ok=True)
    for row in range(level.width // 2 // level.tile):
        for column in range(level.width // level.tile):
            top, left = row * level.tile, column * level.tile
            tile = np.ascontiguousarray(picture[top : top + level.tile, left : left + level.tile])
            save_jpeg(files.tile(level.width, column, row), tile, QUALITY, gpano=False)
