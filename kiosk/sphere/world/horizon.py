"""Where a photo's sky ends and its ground begins: what the rest of the sphere is made of above and below it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from kiosk.sphere.grid import latitude
from kiosk.sphere.world.sources import Small

SHARES = (0.2, 0.45)
"""The least and the largest share of a photo's height that is its sky, or ground."""
ALIKE = 0.4
"""Rows belong to the sky as long as they differ from the upper ones by less than this share of the largest difference
between rows."""


@dataclass(frozen=True)
class Strip:
    """A photo's sky or ground. photo: the photo, of which only the strip is valid; tall: its height in radians; beyond:
    the latitudes in radians that are to be made of it."""

    photo: Small
    tall: float
    beyond: tuple[float, float]


def strips(photo: Small) -> list[Strip]:
    """The sky of a photo that has something valid, and its ground."""
    height = len(photo.valid)
    lat = latitude(np.arange(height), height)
    rows = np.flatnonzero(photo.valid.any(1))
    found = []
    for up in (True, False):
        order = rows if up else rows[::-1]
        count = _first_unlike(photo, order)
        valid = photo.valid.copy()
        outside = np.ones(height, bool)
        outside[order[:count]] = False
        valid[outside] = False
        edge = float(lat[order[0]])
        beyond = (edge, np.pi) if up else (-np.pi, edge)
        found.append(Strip(dataclasses.replace(photo, valid=valid), count * np.pi / height, beyond))
    return found


def _first_unlike(photo: Small, order: np.ndarray) -> int:
    """How many rows, beginning with the outermost one, look like those at the edge."""
    looks = []
    for row in order:
        colors = photo.colors[row, photo.valid[row]]
        looks.append(np.concatenate([colors.mean(0), colors.std(0)]))
    least, most = (max(1, round(share * len(order))) for share in SHARES)
    unlike = np.linalg.norm(np.array(looks) - np.mean(looks[: max(1, least // 2)], 0), axis=1)
    over = np.flatnonzero(unlike > ALIKE * unlike.max())
    return int(np.clip(over[0] if len(over) else most, least, most))
