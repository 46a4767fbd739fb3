"""Colour under transparency."""

from __future__ import annotations

import cv2
import numpy as np

REACH = 16
"""Pixels that colour is carried outwards: more than any network's context."""


def bleed_colours(picture: np.ndarray) -> np.ndarray:
    """The colours [H, W, 3] of a picture uint8 [H, W, 4], with invisible pixels near visible ones coloured like them.

    Programs leave any colour, often black, where a picture is fully transparent; enlarged as it is, that colour would
    show as a rim around what is visible.
    """
    colours = picture[..., :3].copy()
    known = (picture[..., 3] > 0).astype(np.float32)
    if known.all() or not known.any():
        return colours
    for _ in range(REACH):
        weight = cv2.blur(known, (3, 3), borderType=cv2.BORDER_CONSTANT)
        reached = (known == 0) & (weight > 0)
        if not reached.any():
            break
        spread = cv2.blur(colours * known[..., None], (3, 3), borderType=cv2.BORDER_CONSTANT)
        colours[reached] = (spread[reached] / weight[reached][:, None]).round().clip(0, 255)
        known[reached] = 1
    return colours
