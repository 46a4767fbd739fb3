"""Measure how visible the seam at the +-180 degree meridian is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ROWS = 64
"""Rows read at a time."""


def seam_ratio(picture: np.ndarray, release: Callable[[np.ndarray], None] | None = None) -> float | None:
    """The mean difference between the left and right edge columns of a uint8 picture [H, W, C], over the median
    difference of neighboring columns. About 1 means invisible. None for a uniform picture.

    `release(picture)` is called while reading, to let go of the pages of a memory-mapped picture.
    """
    jumps = np.zeros(picture.shape[1])
    for top in range(0, picture.shape[0], ROWS):
        rows = picture[top : top + ROWS].astype(np.int16)
        jumps += np.abs(rows - np.roll(rows, 1, axis=1)).sum(axis=(0, 2))
        if release:
            release(picture)
    median = float(np.median(jumps))
    return round(float(jumps[0]) / median, 3) if median else None
