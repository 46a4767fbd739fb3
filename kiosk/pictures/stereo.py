"""Recognize stereo spheres (over-under, left eye on top) and extract one eye.

Cameras that store two eyes as 2:1 halves of a square often write no metadata about it, so the halves are compared.
"""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.pictures.gpano import GPano
from kiosk.pictures.layouts import TOP_BOTTOM

# Correlation of the halves at 64 x 32 pixels: above 0.95 for over-under photos, below 0.6 for ordinary square photos
# (sky over ground).
_ALIKE = 0.85
_APART = 0.4  # mean difference over the picture's standard deviation: 0.1 for two eyes, above 1 for smooth gradients


def stereo_mode(picture: np.ndarray, gpano: GPano | None = None) -> str | None:
    """The stereo layout of `picture` (uint8 [H, W, 3]): "top-bottom", or None for mono.

    The metadata decides if present. Otherwise a square picture with two similar 2:1 halves is stereo.
    """
    if gpano is not None and gpano.stereo_mode:
        return TOP_BOTTOM if gpano.stereo_mode == TOP_BOTTOM else None
    height, width = picture.shape[:2]
    if height != width or height % 2 or height < 32:
        return None
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    eyes = [cv2.resize(half, (64, 32), interpolation=cv2.INTER_AREA).astype(np.float32) for half in np.split(gray, 2)]
    if np.abs(eyes[0] - eyes[1]).mean() > _APART * gray.std():
        return None
    left, right = (eye - eye.mean() for eye in eyes)
    energy = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return TOP_BOTTOM if energy > 0 and float((left * right).sum()) / energy > _ALIKE else None


def right_eye(picture: np.ndarray) -> np.ndarray:
    """The lower half [H / 2, W, 3] of an over-under picture [H, W, 3], as a view."""
    return picture[picture.shape[0] // 2 :]


def left_eye(picture: np.ndarray) -> np.ndarray:
    """The upper half [H / 2, W, 3] of an over-under picture [H, W, 3], as a view."""
    return picture[: picture.shape[0] // 2]
