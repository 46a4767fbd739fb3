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
_SIZE = (256, 128)
"""Width and height in pixels at which a picture's halves are compared for what repeats."""
_COARSE = 12.0
"""Pixels: what is blurred away by a Gaussian of this size counts, and what is left does not."""
_FARTHEST = 4
"""Pixels by which eyes may differ across. Real pairs differ by less, 6 degrees in what is nearest."""
_STEADY = 0.5
_AGAIN = 0.45
"""Of the match of two halves: a photo repeats if it never falls below _STEADY, or rises by _AGAIN after a fall, as one
is moved down along the other. Spheres fall to 0.35 or less and rise by 0.32 at most (two photographed ones, the
virtual camera's scenes, and those of the tests); stripes, tiles, bricks and checks stay above 0.55 or rise by 0.59."""


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


def repeats(picture: np.ndarray) -> bool:
    """Whether the halves of a square picture (uint8 [H, W, 3]) match because it repeats: stripes, tiles, bricks.

    Two eyes differ across, by what depth makes of their distance, and never down. So halves that match as well when
    one is moved down are not two eyes.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    upper, lower = (_detail(half) for half in np.split(gray[: len(gray) // 2 * 2], 2))
    height = _SIZE[1]
    matches = np.array([_match(upper[down:], lower[: height - down]) for down in range(height // 2)])
    other = np.array([_match(upper[: height - down], lower[down:]) for down in range(height // 2)])
    match = np.maximum(matches, other)
    match /= max(1e-6, match[0])
    return bool(match.min() > _STEADY or (match - np.minimum.accumulate(match)).max() > _AGAIN)


def _detail(half: np.ndarray) -> np.ndarray:
    """A half without what is coarse, float32 of _SIZE. Its left and right ends are neighbors."""
    small = cv2.resize(half, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    around = np.pad(small, ((0, 0), (_SIZE[0] // 4, _SIZE[0] // 4)), mode="wrap")
    coarse = cv2.GaussianBlur(around, (0, 0), _COARSE)[:, _SIZE[0] // 4 : -_SIZE[0] // 4]
    return cv2.GaussianBlur(small - coarse, (0, 0), 1)


def _match(one: np.ndarray, other: np.ndarray) -> float:
    """The best correlation of two pictures of the same size, one of them turned by up to _FARTHEST pixels."""
    energy = float(np.sqrt((one**2).sum() * (other**2).sum()))
    turns = range(-_FARTHEST, _FARTHEST + 1)
    return max(float((one * np.roll(other, turn, axis=1)).sum()) for turn in turns) / max(energy, 1e-6)


def right_eye(picture: np.ndarray) -> np.ndarray:
    """The lower half [H / 2, W, 3] of an over-under picture [H, W, 3], as a view."""
    return picture[picture.shape[0] // 2 :]


def left_eye(picture: np.ndarray) -> np.ndarray:
    """The upper half [H / 2, W, 3] of an over-under picture [H, W, 3], as a view."""
    return picture[: picture.shape[0] // 2]
