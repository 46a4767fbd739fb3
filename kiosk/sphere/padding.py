"""Pad pictures beyond their edges: spheres wrap around, plain pictures repeat their edge.

The left and right edges of an equirectangular picture are neighbors. The row above the top row is the top row seen
across the pole, which is the same row rolled by half the width. So rows repeat with a period of two heights: down one
meridian and up the opposite one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kiosk.sphere.compact import FixedPoint


def sphere_window(picture: np.ndarray | FixedPoint, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Copy the window [top, top+height) x [left, left+width) out of an equirectangular picture [H, W, ...].

    The window may lie anywhere, even several turns away. For an odd W, the opposite of a column is half a pixel west of
    the exact position.
    """
    if isinstance(picture, FixedPoint):
        return FixedPoint(sphere_window(picture.codes, top, left, height, width))[:]
    window = np.empty((height, width, *picture.shape[2:]), picture.dtype)
    rows, columns = picture.shape[:2]
    # Copy runs of rows and columns: fancy indexing is several times slower.
    for begin, end, first in _runs(top, height, rows):
        here, beyond = first % (2 * rows), first // rows % 2
        last = here + end - begin
        for start, stop, column in _runs(left + beyond * (columns // 2), width, columns):
            across = slice(column % columns, column % columns + stop - start)
            window[begin:end, start:stop] = (
                picture[2 * rows - last : 2 * rows - here, across][::-1] if beyond else picture[here:last, across]
            )
    return window


def _runs(first: int, count: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Split [first, first + count) at multiples of `length`. Yields (begin, end, start) of each run: `begin` and `end`
    relative to `first`, `start` absolute."""
    begin = 0
    while begin < count:
        end = min(count, begin + length - (first + begin) % length)
        yield begin, end, first + begin
        begin = end


def flat_window(picture: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Copy the same window out of a plain picture [H, W, ...]. Edge pixels repeat outward, as in waifu2x."""
    rows = np.arange(top, top + height).clip(0, picture.shape[0] - 1)
    columns = np.arange(left, left + width).clip(0, picture.shape[1] - 1)
    return picture[rows[:, None], columns]


def mirrored(first: int, count: int, length: int) -> np.ndarray:
    """The indices `first` .. `first` + `count` - 1, reflected into [0, length)."""
    folded = np.arange(first, first + count) % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
