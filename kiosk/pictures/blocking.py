"""Measure visible JPEG blocking (8 x 8) in a picture, regardless of its current format, crop or rotation."""

from __future__ import annotations

import numpy as np

BLOCK = 8
_CHUNK = 256


def blocking(picture: np.ndarray) -> float:
    """The ratio of pixel steps across 8 x 8 block borders to the other steps between neighbors.

    `picture` is uint8 [H, W, 3]. About 1 without blocks, 1.1 at JPEG quality 90, 1.5 at 75. Returns 1 for a picture
    that is too small or too uniform to tell.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 4 * BLOCK:
        return 1.0
    across, down = np.zeros(width - 1, np.int64), np.zeros(height - 1, np.int64)
    for top in range(0, height, _CHUNK):
        # One extra row, for the step to the next chunk.
        green = picture[top : top + _CHUNK + 1, :, 1].astype(np.int16)
        across += np.abs(np.diff(green[:_CHUNK], axis=1)).sum(axis=0)
        down[top : top + len(green) - 1] = np.abs(np.diff(green, axis=0)).sum(axis=1)
    return max(1.0, min(_grid_ratio(across), _grid_ratio(down)))


def _grid_ratio(jumps: np.ndarray) -> float:
    """How much the strongest of the eight possible grids stands out from the second, relative to the median grid."""
    grids = np.sort([jumps[phase::BLOCK].mean() for phase in range(BLOCK)])
    middle = float(np.median(grids[:-1]))
    # In a JPEG reduced to half size, two of the eight grids are equally strong. Its blocks are mostly gone: ratio 1.
    return 1.0 + float(grids[-1] - grids[-2]) / middle if middle > 0 else 1.0
