"""How far a step may go in brightness and in colour: dreams that glow, without clipped whites, blacks and neon.

Brightness: as on film, a value nears black and white ever more slowly. A step of c levels towards an end that is r
levels away, r at most SHOULDER, goes c r^2 / (SHOULDER^2 + |c| r): always less than r, the rest of the way shrinks like
1 / c however many steps follow, and what they lay over each other keeps its form. Leaving an end costs nothing.

Colour: steps pull pixels along one hue until they end in a corner of the colour cube. A change that leads away from
grey counts less the further from grey the pixel is.

Both look at one pixel alone, so that they turn with a turned picture.
"""

from __future__ import annotations

import cv2
import numpy as np

SHOULDER = np.float32(48)
"""levels from black and from white over which steps shrink."""
EASE = np.float32(1.5)
"""colour changes count fully up to a third of the limit (of its square), and ease out from there."""
NO_LIMIT = 255.0
"""levels: no colour of 8 bits is so far from grey."""
_MIDDLE = np.float32(127.5)
_SIGN = np.uint32(1 << 31)
_FROM_GREY = np.eye(3, dtype=np.float32) - np.float32(1 / 3)
_SUM = np.ones((1, 3), np.float32)


def expose(picture: np.ndarray, change: np.ndarray) -> np.ndarray:
    """`picture` after `change`, levels, float32 of one shape; within 0..255 where the picture was. In `change`."""
    # The distance to the end that the change leads to. Every line here is a pass over memory, which is what takes time.
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
    """`change` [h, w, 3] of `picture`, both float32, with less of what would lead its colours further from grey. In
    `change`.

    `saturation` is the limit, levels: the root of the summed squares of what the channels differ from their mean by.
    """
    if saturation >= NO_LIMIT:
        return change
    colour = cv2.transform(picture, _FROM_GREY)
    outwards = cv2.transform(cv2.multiply(colour, change), _SUM) > 0
    # EASE times the square of the colour over that of the limit, and what is left of EASE below 1.
    excess = cv2.transform(
        cv2.multiply(colour, colour, dst=colour), np.array([[EASE / saturation**2] * 3 + [1 - EASE]], np.float32)
    )
    np.clip(excess, 0, 1, out=excess)
    excess *= outwards
    tint = cv2.transform(change, _FROM_GREY, dst=colour)
    change -= cv2.multiply(tint, cv2.cvtColor(excess, cv2.COLOR_GRAY2RGB), dst=tint)
    return change
