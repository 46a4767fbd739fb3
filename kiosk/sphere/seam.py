"""How visible the +-180 degree meridian is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ROWS = 64
"""read at a time."""


def seam_ratio(picture: np.ndarray, release: Callable[[np.ndarray], None] | None = None) -> float | None:
    """The mean jump across the meridian where the left and right edges of a uint8 picture [H, W, C] meet, over the
    median jump between neighbouring columns. About 1 is invisible. None for a picture without any jumps.

    `release(picture)` is called now and then: the picture may be a mapped file, whose pages can be let go.
    """
    jumps = np.zeros(picture.shape[1])
    for top in range(0, picture.shape[0], ROWS):
        rows = picture[top : top + ROWS].astype(np.int16)
        jumps += np.abs(rows - np.roll(rows, 1, axis=1)).sum(axis=(0, 2))
        if release:
            release(picture)
    median = float(np.median(jumps))
    return round(float(jumps[0]) / median, 3) if median else None
