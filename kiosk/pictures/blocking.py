"""How much of a JPEG's 8 x 8 blocks shows in a picture, whatever file it came in and wherever it was cut or turned."""

from __future__ import annotations

import numpy as np

BLOCK = 8
_CHUNK = 256


def blocking(picture: np.ndarray) -> float:
    """The mean jump between neighbouring columns (and rows) that lie on a grid of 8, over that of the others.

    `picture` is uint8 [H, W, 3]. About 1 without blocks; 1.1 at JPEG quality 90, 1.5 at 75. 1 for a picture that is too
    small or too plain to tell.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 4 * BLOCK:
        return 1.0
    across, down = np.zeros(width - 1, np.int64), np.zeros(height - 1, np.int64)
    for top in range(0, height, _CHUNK):
        # One row more than the chunk, for the jump to the next one.
        green = picture[top : top + _CHUNK + 1, :, 1].astype(np.int16)
        across += np.abs(np.diff(green[:_CHUNK], axis=1)).sum(axis=0)
        down[top : top + len(green) - 1] = np.abs(np.diff(green, axis=0)).sum(axis=1)
    return max(1.0, min(_grid_ratio(across), _grid_ratio(down)))


def _grid_ratio(jumps: np.ndarray) -> float:
    """Of the eight grids the one that stands out most, over the middle of the other seven."""
    grids = np.sort([jumps[phase::BLOCK].mean() for phase in range(BLOCK)])
    middle = float(np.median(grids[:-1]))
    # A halved JPEG has a grid of 4, of which two grids of 8 stand out alike; its blocks are mostly gone.
    return 1.0 + float(grids[-1] - grids[-2]) / middle if middle > 0 else 1.0
