"""Keep part of a photo undreamed: faces, people, or a mask the user gives."""

from __future__ import annotations

import math

import cv2
import numpy as np

FEATHER = 1 / 100
"""Width of the soft edge of faces and given masks, as a share of the picture's width. It lies entirely outside the
mask."""


def keep_masked(
    photo: np.ndarray, dreamed: np.ndarray, mask: np.ndarray, sphere: bool, feather: float = FEATHER
) -> np.ndarray:
    """Blend `photo` into `dreamed` (both uint8 [H, W, 3]) where `mask` (uint8 [h, w], any size) is white.

    White keeps the photo exactly; gray mixes. On a `sphere` the mask wraps at its left and right edges. `feather`:
    width of the soft edge as a share of the picture's width.
    """
    height, width = dreamed.shape[:2]
    border = min(width, math.ceil(4 * width * feather))
    share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    share = cv2.copyMakeBorder(share, 0, 0, border, border, cv2.BORDER_WRAP if sphere else cv2.BORDER_REPLICATE)
    # A blurred straight edge is 0.5 at the edge, so doubling moves the soft edge outside.
    soft = np.minimum(2 * cv2.GaussianBlur(share, (0, 0), max(0.5, width * feather)), 1)
    kept = np.maximum(share, soft)[:, border : border + width, None]
    result = np.rint(photo * kept + dreamed * (1 - kept))
    return np.clip(result, 0, 255).astype(np.uint8)
