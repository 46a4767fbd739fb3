"""How visible the +-180 degree meridian is."""

from __future__ import annotations

import numpy as np


def seam_ratio(picture: np.ndarray) -> float | None:
    """The mean jump across the meridian where the left and right edges of a uint8 picture [H, W, C] meet, over the
    median jump between neighbouring columns. About 1 is invisible. None for a picture without any jumps."""
    jumps = np.zeros(picture.shape[1])
    for top in range(0, picture.shape[0], 256):
        rows = picture[top : top + 256].astype(np.int16)
        jumps += np.abs(rows - np.roll(rows, 1, axis=1)).sum(axis=(0, 2))
    median = float(np.median(jumps))
    return round(float(jumps[0]) / median, 3) if median else None
