"""Keeping a part of a photo undreamed: faces, or the tripod under the camera."""

from __future__ import annotations

import math

import cv2
import numpy as np

FEATHER = 1 / 100
"""of the width: how softly the dream ends at the border of what is kept; outside of it, never inside."""


def keep_masked(photo: np.ndarray, dreamed: np.ndarray, mask: np.ndarray, sphere: bool) -> np.ndarray:
    """`dreamed` with the photo where `mask` is white; all uint8, [H, W, 3], [H, W, 3] and [h, w] of any size.

    White stays the photo to the last bit; grey mixes. On a `sphere` the mask's left and right edges are neighbours.
    """
    height, width = dreamed.shape[:2]
    border = min(width, math.ceil(4 * width * FEATHER))
    share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    share = cv2.copyMakeBorder(share, 0, 0, border, border, cv2.BORDER_WRAP if sphere else cv2.BORDER_REPLICATE)
    # Twice the blur is 1 at a straight edge: the feather lies outside.
    soft = np.minimum(2 * cv2.GaussianBlur(share, (0, 0), max(0.5, width * FEATHER)), 1)
    kept = np.maximum(share, soft)[:, border : border + width, None]
    result = np.rint(photo * kept + dreamed * (1 - kept))
    return np.clip(result, 0, 255).astype(np.uint8)
