"""Stereo spheres, left eye over right eye: recognising them, and taking one eye.

Cameras that store two eyes as two 2:1 halves of a square often say so nowhere, so the halves are compared.
"""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.pictures.sphere_jpeg import GPano

TOP_BOTTOM = "top-bottom"
# Correlation of the two eyes at 64 x 32: an over-under photo gives above 0.95, the two halves of ordinary square
# photos (sky over ground) below 0.6.
_ALIKE = 0.85
_APART = 0.4  # mean difference of the eyes over the picture's standard deviation; 0.1 for eyes, above 1 for gradients


def stereo_mode(picture: np.ndarray, gpano: GPano | None = None) -> str | None:
    """ "top-bottom" where `picture` (uint8 [H, W, 3]) holds two eyes, one over the other; None where it is mono.

    The metadata decides where it speaks; otherwise a square picture whose two 2:1 halves look alike is stereo.
    """
    if gpano is not None and gpano.stereo_mode:
        return TOP_BOTTOM if gpano.stereo_mode == TOP_BOTTOM else None
    height, width = picture.shape[:2]
    if height != width or height % 2 or height < 32:
        return None
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    eyes = [cv2.resize(half, (64, 32), interpolation=cv2.INTER_AREA).astype(np.float32) for half in np.split(grey, 2)]
    if np.abs(eyes[0] - eyes[1]).mean() > _APART * grey.std():
        return None
    left, right = (eye - eye.mean() for eye in eyes)
    energy = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return TOP_BOTTOM if energy > 0 and float((left * right).sum()) / energy > _ALIKE else None


def right_eye(picture: np.ndarray) -> np.ndarray:
    """The lower half of an over-under picture [H, W, 3]: a mono sphere [H / 2, W, 3] (a view, not a copy)."""
    return picture[picture.shape[0] // 2 :]


def left_eye(picture: np.ndarray) -> np.ndarray:
    """The upper half of an over-under picture [H, W, 3]: a mono sphere [H / 2, W, 3] (a view, not a copy)."""
    return picture[: picture.shape[0] // 2]
