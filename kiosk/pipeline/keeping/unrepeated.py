"""People in a photo, as far as their faces tell: what the world that is invented around it must not repeat."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.errors import KioskError
from kiosk.pipeline.keeping.faces import Find, Look, find_on_sphere, open_finder
from kiosk.sphere.world.frames import directions, frame
from kiosk.sphere.world.sources import middle_column

log = logging.getLogger(__name__)

WIDTH = 512
"""Width of the mask, pixels."""
HEAD, NECK, SHOULDERS, FEET = 1.25, 1.0, 2.2, 11.0
"""Sizes of a person, in radii of the circle around a face (`kiosk.pipeline.keeping.faces.REACH`): the head with its
hair, half the width at the chin and at the shoulders, and how far below the middle of the face the feet are."""
NARROW = 80.0
"""Degrees across up to which one view shows a photo whole."""
SURE = 0.7
"""Least score of a face: what is taken for one by mistake is only not repeated."""
SIDE = 800
"""Side of that view, pixels."""

People = Callable[[np.ndarray, np.ndarray], np.ndarray | None]
"""A placed photo, uint8 [H, W, 3], and what it covers, bool [H, W] -> people in it, bool [h, w]; None: not known."""


def people_finder(graphs: Path) -> People:
    """A finder of people. Its graphs are in the folder `graphs`, built if missing, once a photo is searched."""

    def people(placed: np.ndarray, covered: np.ndarray) -> np.ndarray | None:
        try:
            return people_in(placed, covered, open_finder(graphs, sure=SURE))
        except (KioskError, OSError) as error:
            log.warning("cannot look for people, so what is in the middle of a photo is not repeated: %s", error)
            return None

    return people


def people_in(placed: np.ndarray, covered: np.ndarray, find: Find) -> np.ndarray:
    """The people in a photo placed on a sphere, bool [WIDTH / 2, WIDTH]: a circle around each face, and the body that
    stands below it."""
    height, width = covered.shape
    middle = middle_column(covered)
    across = covered.any(0).sum() / width * 360
    if middle is None or across > NARROW:
        looks = [Look(yaw, 0, 90, 640) for yaw in range(0, 360, 60) if _sees(covered, yaw)]
    else:
        rows = np.flatnonzero(covered.any(1))
        pitch = 90 - (rows[0] + rows[-1] + 1) / height * 90
        looks = [Look((middle + 0.5) / width * 360 - 180, pitch, 90, SIDE)]
    people = np.zeros((WIDTH // 2, WIDTH), bool)
    toward = directions(WIDTH)
    for x, y, z, angle in find_on_sphere(placed, find, tuple(looks)):
        at = frame(math.atan2(x, z), math.asin(max(-1.0, min(1.0, y))))
        right, up, ahead = np.moveaxis(toward @ at.T, -1, 0)
        before = ahead > 0.1
        scale = np.where(before, ahead, 1) * math.tan(angle)
        aside, below = np.abs(right / scale), -up / scale
        body = (below > 0) & (below < FEET) & (aside < np.clip(NECK + 1.2 * (below - 1), NECK, SHOULDERS))
        people |= before & ((np.hypot(aside, below) < HEAD) | body)
    return people


def _sees(covered: np.ndarray, yaw: float) -> bool:
    """Whether a photo covers something within 45 degrees of `yaw`, degrees."""
    width = covered.shape[1]
    seen = np.arange(round((yaw + 135) / 360 * width), round((yaw + 225) / 360 * width)) % width
    return bool(covered[:, seen].any())
