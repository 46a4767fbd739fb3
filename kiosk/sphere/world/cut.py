"""The closed curve around the middle of a window along which two pictures differ least."""

from __future__ import annotations

import functools

import cv2
import numpy as np

RAYS = 24
"""Angles at which the curve is sought."""


@functools.lru_cache
def _polar(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For a window of `side` points: the radii of the curve, the columns and rows of RAYS x radii, and for each point
    of the window its radius and its ray."""
    middle, half = (side - 1) / 2, side // 2
    angle = np.arange(RAYS) / RAYS * 2 * np.pi
    radii = np.arange(2, half + 1, dtype=np.float32)
    columns = (middle + np.cos(angle)[:, None] * radii).astype(np.float32)
    rows = (middle + np.sin(angle)[:, None] * radii).astype(np.float32)
    x, y = np.meshgrid(np.arange(side) - middle, np.arange(side) - middle)
    return radii, columns, rows, np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi) * RAYS % RAYS


def inside_cut(cost: np.ndarray) -> np.ndarray:
    """The points inside the closed curve around the middle with the least sum of `cost`, float32 [s, s]: bool [s, s].

    Found by dynamic programming in polar coordinates, as seams between patches are in image quilting (Efros and
    Freeman, "Image Quilting for Texture Synthesis and Transfer", 2001).
    """
    side = len(cost)
    radii, columns, rows, radius, ray = _polar(side)
    # Costs are per length. Among equal curves the widest one is taken.
    along = cv2.remap(cost, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * (radii / radii[-1])
    along += 0.3 * (radii[-1] - radii)
    curve = radii[_closed_path(along)]
    first = ray.astype(int) % RAYS
    share = ray - np.floor(ray)
    return radius <= curve[first] * (1 - share) + curve[(first + 1) % RAYS] * share


def _closed_path(along: np.ndarray) -> np.ndarray:
    """The cheapest column for each row of `along`, [n, m], with steps of at most one; the last row meets the first."""
    # Twice around: what is decided in the middle no longer depends on where the path began.
    twice = np.concatenate([along, along])
    total = np.full((len(twice), along.shape[1] + 2), np.inf, np.float32)
    total[0, 1:-1] = twice[0]
    for n in range(1, len(twice)):
        before = total[n - 1]
        np.minimum(before[:-2], before[1:-1], out=total[n, 1:-1])
        np.minimum(total[n, 1:-1], before[2:], out=total[n, 1:-1])
        total[n, 1:-1] += twice[n]
    rows = total.tolist()
    at = int(total[-1].argmin())
    path = [at]
    for row in rows[-2::-1]:
        at = min((at, at - 1, at + 1), key=row.__getitem__)
        path.append(at)
    first = RAYS // 2
    return np.roll(np.array(path[::-1][first : first + RAYS]) - 1, first)
