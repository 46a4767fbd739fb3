"""The viewer's levels: the same sphere at several widths, so a phone shows something at once and then sharpens it.

Widths are powers of two, because older GPUs wrap only such textures. Levels up to 4096 pixels wide are whole pictures.
Larger ones are split into tiles, and a phone loads only those in view. Each tile file includes a few pixels of its
neighbors on every side, across the +-180 degree meridian and the poles too: GPUs interpolate between pixels, which
would otherwise show as lines between tiles.

All files are JPEG, which every browser reads. Whole pictures after the first also come as WebP, half the bytes over
crowded Wi-Fi, for browsers that accept it. AVIF at its fastest saves another fifth of the bytes at the same PSNR but
takes 0.6 s of a Zen 5 core at 4096 pixels, WebP 0.34 s; WebP also decodes faster on phones.
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
"""A sphere at least this share of a step's width is enlarged to it; a narrower one is reduced to the step below."""
TILE = 512
OVERLAP = 4
QUALITY = 88
WEBP_QUALITY = 84
WEBP_METHOD = 2
"""0 to 6. This takes half the time of the default for 5% more bytes."""


@dataclass(frozen=True)
class Level:
    """One level, `width` pixels wide: a whole picture (`tile` None), or square tiles of `tile` pixels plus `overlap`
    pixels on every side."""

    width: int
    tile: int | None = None
    overlap: int = 0


def levels_for(width: int) -> tuple[Level, ...]:
    """The levels of a sphere `width` pixels wide, smallest first: a small picture, a larger one, then tiles."""
    step = LARGEST
    while step > 2 and step * WORTH > width:
        step //= 2
    whole = [Level(min(step, FIRST))]
    if step > FIRST:
        whole.append(Level(min(step, LARGEST_WHOLE)))
    return (*whole, Level(step, TILE, OVERLAP)) if step > LARGEST_WHOLE else tuple(whole)


def shrink(sphere: np.ndarray, width: int) -> np.ndarray:
    """Reduce `sphere` (uint8 [H, 2H, 3]) to `width` pixels, at most its own width, by area averaging.

    Area averaging needs no wrapping at the +-180 degree meridian or the poles: areas end exactly at the edges.
    """
    if width == sphere.shape[1]:
        return sphere
    return cv2.resize(sphere, (width, width // 2), interpolation=cv2.INTER_AREA)


def write_eyes(files: PictureNames, left: np.ndarray, right: np.ndarray) -> list[Image]:
    """Write the levels of a stereo sphere (eyes uint8 [H, 2H, 3]): square whole pictures, left eye on top."""
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
    """The widths of a stereo sphere's levels, smallest first. There is one for every power of two, because two eyes
    fill a phone's memory quickly; the largest still fits one GPU texture."""
    largest = min(levels_for(width)[-1].width, LARGEST_WHOLE)
    widths = [largest]
    while widths[0] > FIRST:
        widths.insert(0, widths[0] // 2)
    return widths


def write_levels(files: PictureNames, sphere: np.ndarray) -> list[Image]:
    """Write every level of `sphere` (uint8 [H, 2H, 3]). Returns the images for the library, smallest first."""
    files.levels.mkdir(exist_ok=True)
    images = []
    # Largest first, so that each level is made from the next larger one and reads fewer pixels.
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
        # One row of tiles at a time avoids a second full picture in memory.
        band = sphere_window(picture, row * tile - overlap, -overlap, side, width + 2 * overlap)
        for column in range(width // tile):
            piece = np.ascontiguousarray(band[:, column * tile : column * tile + side])
            save_jpeg(files.tile(width, column, row), piece, QUALITY, gpano=False)
