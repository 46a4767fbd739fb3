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
_FROM_GREY = np.eye(3, dtype=np.float32) - np.float32(1 / 3)
_SUM = np.ones((1, 3), np.float32)


def expose(picture: np.ndarray, change: np.ndarray) -> np.ndarray:
    """`picture` after `change`, levels, float32 of one shape; within 0..255 where the picture was. In `change`."""
    # The distance to the end that the change leads to: of the sign's values -1 and 1, np.sign is slower.
    room = change * np.float32(1e30)
    np.clip(room, -1, 1, out=room)
    room *= _MIDDLE - picture
    room += _MIDDLE
    np.clip(room, 0, SHOULDER, out=room)
    resistance = np.abs(change)
    resistance *= room
    resistance += SHOULDER * SHOULDER
    change *= room
    change *= room
    change /= resistance
    change += picture
    return change


def subdue(picture: np.ndarray, change: np.ndarray, saturation: float) -> np.ndarray:
    """`change` [h, w, 3] of `picture`, both float32, with less of what would lead its colours further from grey.

    `saturation` is the limit, levels: the root of the summed squares of what the channels differ from their mean by.
    """
    if saturation >= NO_LIMIT:
        return change
    colour, tint = cv2.transform(picture, _FROM_GREY), cv2.transform(change, _FROM_GREY)
    outwards = cv2.transform(cv2.multiply(colour, tint), _SUM) > 0
    excess = cv2.transform(cv2.multiply(colour, colour), _SUM)
    excess *= EASE / np.float32(saturation**2)
    excess += 1 - EASE
    np.clip(excess, 0, 1, out=excess)
    excess *= outwards
    tint *= cv2.cvtColor(excess, cv2.COLOR_GRAY2RGB)
    return change - tint
