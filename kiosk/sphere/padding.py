"""What lies beyond the edges of a picture: on a sphere, the other side of it; on a plain picture, its edge repeated.

On an equirectangular picture the left and right edges are neighbours, and the row above the top row is the top row
seen from the other side of the pole: the same row turned by half a width. Read on in one direction, the rows therefore
repeat with a period of two heights: down one meridian, up the opposite one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kiosk.sphere.compact import FixedPoint


def sphere_window(picture: np.ndarray | FixedPoint, top: int, left: int, height: int, width: int) -> np.ndarray:
    """The window [top, top+height) x [left, left+width) of an equirectangular picture [H, W, ...], as a new array.

    The window may begin and end anywhere, any number of turns away. An odd W has no opposite column; the one half a
    pixel west of it is taken.
    """
    if isinstance(picture, FixedPoint):
        return FixedPoint(sphere_window(picture.codes, top, left, height, width))[:]
    window = np.empty((height, width, *picture.shape[2:]), picture.dtype)
    rows, columns = picture.shape[:2]
    # In whole runs of rows and columns: picking pixels one by one takes several times as long.
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
    """[first, first + count) cut at the multiples of `length`: (begin, end, number of the first) of each run, begin and
    end counted from `first`."""
    begin = 0
    while begin < count:
        end = min(count, begin + length - (first + begin) % length)
        yield begin, end, first + begin
        begin = end


def flat_window(picture: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """The same window of a plain picture [H, W, ...], whose edge pixels are repeated outwards, as waifu2x does."""
    rows = np.arange(top, top + height).clip(0, picture.shape[0] - 1)
    columns = np.arange(left, left + width).clip(0, picture.shape[1] - 1)
    return picture[rows[:, None], columns]


def mirrored(first: int, count: int, length: int) -> np.ndarray:
    """The indices `first` .. `first` + `count` - 1, reflected at the ends of [0, length) as often as need be."""
    folded = np.arange(first, first + count) % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
