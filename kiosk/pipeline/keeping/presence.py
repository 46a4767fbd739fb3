"""A placed photo stays itself at its center, and fades into the dream toward its border.

What was invented around it is dreamed whole. A guest finds himself in the dream, and no border shows.
"""

from __future__ import annotations

import cv2
import numpy as np

WIDTH = 512
"""Width at which the photo's share is computed, pixels."""
CENTER = 0.6
"""Depth from which on the photo stays most, as a share of its greatest distance from the border."""
ROWS = 128
"""Rows blended at a time."""


def photo_share(covered: np.ndarray | None, presence: float) -> np.ndarray | None:
    """How much of the photo stays in each place, float32 [h, 2 h]: 0 outside and at its border, growing to `presence`
    (0..1) around its center.

    covered: bool [H, W], what the photo covers of its sphere. None, which means all, and a photo that goes all around
    give None: these are dreamed whole.
    """
    if covered is None or presence <= 0 or covered.any(0).all() or not covered.any():
        return None
    small = cv2.resize(covered.astype(np.uint8), (WIDTH, WIDTH // 2), interpolation=cv2.INTER_NEAREST)
    # The sphere wraps left and right; beyond the poles there is nothing, which is as good as a border.
    around = np.pad(np.concatenate([small, small, small], axis=1), ((1, 1), (0, 0)))
    depth = cv2.distanceTransform(around, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, WIDTH : 2 * WIDTH]
    if depth.max() <= 1:
        return None
    inward = ((depth - 1) / (CENTER * (depth.max() - 1))).clip(0, 1)
    return (presence * inward * inward * (3 - 2 * inward)).astype(np.float32)


def lay_photo_over(photo: np.ndarray, dreamed: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Blend `photo` into `dreamed` (both uint8 [H, W, 3]) by its `share` of `photo_share`. Returns uint8."""
    height, width = dreamed.shape[:2]
    kept = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    result = dreamed.copy()
    for top in range(0, height, ROWS):
        rows = slice(top, min(height, top + ROWS))
        if kept[rows].any():
            result[rows] = np.rint(dreamed[rows] + (photo[rows].astype(np.float32) - dreamed[rows]) * kept[rows])
    return result
