"""Colors of transparent pixels."""

from __future__ import annotations

import cv2
import numpy as np

REACH = 16
"""How far colors are extended, pixels: more than any network's context."""


def bleed_colors(picture: np.ndarray) -> np.ndarray:
    """The colors [H, W, 3] of a picture, uint8 [H, W, 4], with visible colors extended into invisible pixels.

    Programs store arbitrary colors, often black, in fully transparent pixels. Upscaling would mix them into the edges
    of the visible part.
    """
    colors = picture[..., :3].copy()
    known = (picture[..., 3] > 0).astype(np.float32)
    if known.all() or not known.any():
        return colors
    for _ in range(REACH):
        weight = cv2.blur(known, (3, 3), borderType=cv2.BORDER_CONSTANT)
        reached = (known == 0) & (weight > 0)
        if not reached.any():
            break
        spread = cv2.blur(colors * known[..., None], (3, 3), borderType=cv2.BORDER_CONSTANT)
        colors[reached] = (spread[reached] / weight[reached][:, None]).round().clip(0, 255)
        known[reached] = 1
    return colors
