"""Resize an equirectangular picture without a seam at the +-180 degree meridian."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from kiosk.sphere.compact import FixedPoint

ROWS = 64
"""Rows computed at a time."""
CUBIC_REACH = 3
"""Pixels on each side of a sample that cubic interpolation may read."""


def resize_picture(picture: np.ndarray, width: int, height: int, wrap: bool = True) -> np.ndarray:
    """Resize a uint8 picture [h, w, 3] with antialiasing (Lanczos). With `wrap`, its left and right edges are
    neighbors."""
    if picture.shape[:2] == (height, width):
        return picture
    old_height, old_width = picture.shape[:2]
    border = min(old_width, max(4, math.ceil(4 * old_width / width))) if wrap else 0
    padded = np.concatenate([picture[:, -border:], picture, picture[:, :border]], axis=1) if border else picture
    image = Image.fromarray(padded).resize(
        (width, height), Image.Resampling.LANCZOS, box=(border, 0, border + old_width, old_height)
    )
    return np.asarray(image)


def resize_detail(
    detail: np.ndarray | FixedPoint, width: int, height: int, wrap: bool = True
) -> Iterator[tuple[slice, np.ndarray]]:
    """Resize a floating-point picture [h, w, 3]. Yields blocks (rows, float32 [n, width, 3]) from the top.

    Enlarging is cubic. Reducing averages areas, which keeps all rows at the new width in memory.
    """
    if (height, width) == detail.shape[:2]:
        for top in range(0, height, ROWS):
            yield slice(top, min(height, top + ROWS)), detail[top : top + ROWS].astype(np.float32)
    elif height < detail.shape[0]:
        narrow = np.concatenate(
            [
                cv2.resize(block, (width, len(block)), interpolation=cv2.INTER_AREA)
                for top in range(0, len(detail), ROWS)
                for block in [detail[top : top + ROWS].astype(np.float32)]
            ]
        )
        yield slice(0, height), cv2.resize(narrow, (width, height), interpolation=cv2.INTER_AREA)
    else:
        yield from _grow(detail, width, height, wrap)


def _grow(detail: np.ndarray | FixedPoint, width: int, height: int, wrap: bool) -> Iterator[tuple[slice, np.ndarray]]:
    """Enlarge columns, then rows: cubic convolution (a = -0.75, as in OpenCV) is separable."""
    old_height, old_width = detail.shape[:2]
    border, beyond = _common_border(old_width, width) if wrap else (0, 0)
    taps, weights = _cubic(old_height, height)
    taps = taps.clip(0, old_height - 1)
    for top in range(0, height, ROWS):
        rows = slice(top, min(height, top + ROWS))
        first, last = taps[rows].min(), taps[rows].max() + 1
        source = detail[first:last].astype(np.float32)
        if border:
            source = np.concatenate([source[:, -border:], source, source[:, :border]], axis=1)
        wide = cv2.resize(source, (width + 2 * beyond, len(source)), interpolation=cv2.INTER_CUBIC)
        wide = wide[:, beyond : beyond + width]
        block = np.zeros((rows.stop - top, width, 3), np.float32)
        for tap in range(4):
            block += wide[taps[rows, tap] - first] * weights[rows, tap, None, None]
        yield rows, block


def _common_border(old_width: int, width: int) -> tuple[int, int]:
    """Columns of padding on each side, before and after resizing: at least what the cubic kernel reads, and whole
    numbers at both widths."""
    common = math.gcd(old_width, width)
    times = math.ceil(CUBIC_REACH * common / old_width)
    return times * old_width // common, times * width // common


def _cubic(before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `after` pixels, the indices of its four source pixels out of `before` (possibly out of range) and
    their weights."""
    at = (np.arange(after) + 0.5) * before / after - 0.5
    first = np.floor(at).astype(np.int64) - 1
    distance = np.abs(at[:, None] - (first[:, None] + np.arange(4)))
    a = -0.75
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return first[:, None] + np.arange(4), np.where(distance <= 1, near, far).astype(np.float32)
