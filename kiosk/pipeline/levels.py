"""The viewer's levels: the same sphere at several widths, so that a phone sees something at once and sharpens after.

Widths are powers of two, because older graphics cards repeat no other picture around the sphere. Whole pictures to
4096 pixels, beyond that tiles, of which a phone loads those it looks at. A tile's file carries a few pixels of its
neighbours on each side, around the +-180 degree meridian and over the poles too: a graphics card mixes neighbouring
pixels, and would show a line where a tile ends.

Everything is JPEG, which every browser reads. Beside a whole picture after the first lies the same as WebP, half as
many bytes over a crowded Wi-Fi, for browsers that say they read it. AVIF at its fastest takes 0.6 seconds of a Zen 5
core for 4096 pixels where WebP takes 0.34, and saves another fifth of the bytes at the same PSNR: phones would rather
have the dream sooner, and decode it sooner.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as Picture

from kiosk.library.files import PictureNames
from kiosk.library.records import Image
from kiosk.pictures.sphere_jpeg import save_jpeg
from kiosk.sphere.padding import sphere_window
from kiosk.sphere.resample import resize_picture
from kiosk.storage import write_atomic

FIRST = 1024
LARGEST_WHOLE = 4096
LARGEST = 8192
WORTH = 0.75
"""A sphere at least this share of a step wide is enlarged to it; a narrower one is reduced to the step below."""
TILE = 512
OVERLAP = 4
QUALITY = 88
WEBP_QUALITY = 84
WEBP_METHOD = 2
"""Of 0 to 6: half the time of the default for a twentieth more bytes."""


@dataclass(frozen=True)
class Level:
    """One level: `width` pixels, in square tiles of `tile` pixels, each with `overlap` more on every side, or whole
    (tile None)."""

    width: int
    tile: int | None = None
    overlap: int = 0


def levels_for(width: int) -> tuple[Level, ...]:
    """The levels of a sphere `width` pixels wide, smallest first: one to begin with, a whole one, tiles."""
    step = LARGEST
    while step > 2 and step * WORTH > width:
        step //= 2
    whole = [Level(min(step, FIRST))]
    if step > FIRST:
        whole.append(Level(min(step, LARGEST_WHOLE)))
    return (*whole, Level(step, TILE, OVERLAP)) if step > LARGEST_WHOLE else tuple(whole)


def shrink(sphere: np.ndarray, width: int) -> np.ndarray:
    """`sphere` (uint8 [H, 2H, 3]) at `width` pixels, at most its own; each new pixel is the mean of its area.

    Means of areas need no neighbours across the +-180 degree meridian or the poles: the areas end exactly at the
    picture's edges.
    """
    if width == sphere.shape[1]:
        return sphere
    return cv2.resize(sphere, (width, width // 2), interpolation=cv2.INTER_AREA)


def write_eyes(files: PictureNames, left: np.ndarray, right: np.ndarray) -> list[Image]:
    """The same of two eyes (each uint8 [H, 2H, 3]): whole pictures, left over right, by which viewers know them."""
    files.levels.mkdir(exist_ok=True)
    images = []
    for width in eye_widths(left.shape[1]):
        eyes = [
            resize_picture(eye, width, width // 2) if width > eye.shape[1] else shrink(eye, width)
            for eye in (left, right)
        ]
        _save_whole(files, width, np.concatenate(eyes))
        images.append(Image("level", f"levels/{width}.jpg", width, width))
    return images


def eye_widths(width: int) -> list[int]:
    """The widths of the levels of a stereo sphere. Every power of two, for two eyes soon fill a phone's memory; not
    more than what a graphics card takes as one picture."""
    largest = min(levels_for(width)[-1].width, LARGEST_WHOLE)
    widths = [largest]
    while widths[0] > FIRST:
        widths.insert(0, widths[0] // 2)
    return widths


def write_levels(files: PictureNames, sphere: np.ndarray) -> list[Image]:
    """Write every level of `sphere` (uint8 [H, 2H, 3]) and return what to tell the library."""
    files.levels.mkdir(exist_ok=True)
    images = []
    # Largest first: each level is made from the one above it, a fraction of the pixels to read.
    picture = sphere
    for level in reversed(levels_for(sphere.shape[1])):
        if level.width > picture.shape[1]:
            picture = resize_picture(picture, level.width, level.width // 2)
        else:
            picture = shrink(picture, level.width)
        if level.tile is None:
            _save_whole(files, level.width, picture)
            name = f"levels/{level.width}.jpg"
        else:
            _write_tiles(files, picture, level.tile, level.overlap)
            name = f"levels/{level.width}/{{col}}_{{row}}.jpg"
        images.append(Image("level", name, level.width, level.width // 2, level.tile, level.overlap))
    return images[::-1]


def _save_whole(files: PictureNames, width: int, picture: np.ndarray) -> None:
    save_jpeg(files.level(width), picture, QUALITY, gpano=False)
    if width > FIRST:
        buffer = io.BytesIO()
        Picture.fromarray(picture).save(buffer, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
        write_atomic(files.level(width).with_suffix(".webp"), buffer.getvalue())


def _write_tiles(files: PictureNames, picture: np.ndarray, tile: int, overlap: int) -> None:
    height, width = picture.shape[:2]
    (files.levels / str(width)).mkdir(exist_ok=True)
    side = tile + 2 * overlap
    for row in range(height // tile):
        # A row of tiles at a time, so that no second picture is needed.
        band = sphere_window(picture, row * tile - overlap, -overlap, side, width + 2 * overlap)
        for column in range(width // tile):
            piece = np.ascontiguousarray(band[:, column * tile : column * tile + side])
            save_jpeg(files.tile(width, column, row), piece, QUALITY, gpano=False)
