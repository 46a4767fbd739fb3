"""Limit steps in brightness and color, to prevent clipped whites and blacks and neon colors.

Brightness: as on film, values approach black and white more and more slowly. A step of c levels toward an end that is r
levels away (r at most SHOULDER) moves by c r^2 / (SHOULDER^2 + |c| r). That is always less than r, so structure
survives any number of steps. Steps away from an end are not damped by it.

Color: repeated steps push a pixel along one hue into a corner of the color cube. So a change away from gray is damped
more the farther the pixel is from gray.

Both work per pixel, so a rolled picture gives the rolled result.
"""

from __future__ import annotations

import cv2
import numpy as np

SHOULDER = np.float32(48)
"""Distance from black and white, in levels, within which steps are damped."""
EASE = np.float32(1.5)
"""Color changes are undamped up to a third of the squared limit and fade out from there."""
NO_LIMIT = 255.0
"""A limit in levels that no 8-bit color reaches."""
_MIDDLE = np.float32(127.5)
_SIGN = np.uint32(1 << 31)
_FROM_GRAY = np.eye(3, dtype=np.float32) - np.float32(1 / 3)
_SUM = np.ones((1, 3), np.float32)


def expose(picture: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Add `change` to `picture` with damping near black and white, both float32 levels of the same shape. The result
    overwrites `change`. Values stay within 0..255 if those of the picture are."""
    # `room` is the distance to the end that the change leads to. Each line is a pass over memory, the bottleneck here.
    room = _MIDDLE - picture
    room.view(np.uint32)[:] ^= change.view(np.uint32) & _SIGN
    room += _MIDDLE
    np.clip(room, 0, SHOULDER, out=room)
    change *= room
    resistance = np.abs(change)
    resistance += SHOULDER * SHOULDER
    change *= room
    change /= resistance
    change += picture
    return change


def subdue(picture: np.ndarray, change: np.ndarray, saturation: float) -> np.ndarray:
    """Damp the part of `change` that moves colors of `picture` away from gray, in place; both float32 [h, w, 3].

    `saturation`: the limit in levels, as the root of the summed squared differences of the channels from their mean.
    """
    if saturation >= NO_LIMIT:
        return change
    color = cv2.transform(picture, _FROM_GRAY)
    outwards = cv2.transform(cv2.multiply(color, change), _SUM) > 0
    # EASE * color^2 / limit^2 + 1 - EASE.
    excess = cv2.transform(
        cv2.multiply(color, color, dst=color), np.array([[EASE / saturation**2] * 3 + [1 - EASE]], np.float32)
    )
    np.clip(excess, 0, 1, out=excess)
    excess *= outwards
    tint = cv2.transform(change, _FROM_GRAY, dst=color)
    change -= cv2.multiply(tint, cv2.cvtColor(excess, cv2.COLOR_GRAY2RGB), dst=tint)
    return change
