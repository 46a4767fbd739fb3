"""Recognize the discs of circular fisheye lenses by their pixels."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 160
"""Side in pixels at which a disc is looked for."""
RADII = np.arange(0.80, 1.03, 0.01)
"""Radii of a disc, as parts of half the side of its square."""
BLACK = 18.0
"""8-bit level up to which the outside of a disc is black, with a JPEG's noise."""
DARK = 40.0
"""8-bit level up to which a corner is dark: lens flares reach into it."""
CORNER = (slice(0, SIDE // 20), slice(SIDE - SIDE // 20, SIDE))
"""The first and last rows and columns of a half, which no inscribed disc reaches in its corners."""
LIT = 12.0
"""Levels by which the inside is brighter."""
ROUND = 0.75
"""Part of the tested directions in which a disc must end at the same radius."""
GAP = 0.035
"""Distance of the tested rings from the disc's edge, as a part of half the side."""
AWAY = 0.08
"""Distance of a disc's center from its square's, as a part of half the side, at most: lenses are mounted roughly."""
EDGE = 0.02
"""Part of a row or a column that is lit where a disc begins."""
BEYOND = 1.2
"""Distance from the middle, as a part of half the side, from which every disc's square is black."""
WIDEST = 1.9
"""Width over height of a picture with one disc, at most."""


def has_two_discs(picture: np.ndarray) -> bool:
    """Whether a picture (uint8 [h, w, 3]) holds two round pictures side by side on black, as 360 cameras store them
    before stitching."""
    height, width = picture.shape[:2]
    if abs(width / (2 * height) - 1) > 0.01 or height < 32:
        return False
    small = _light(picture, 2 * SIDE, SIDE)
    halves = small[:, :SIDE], small[:, SIDE:]
    return all(_radius(half) is not None or _radius(_centered(half)) is not None for half in halves)


def has_dark_corners(picture: np.ndarray) -> bool:
    """Whether both halves of a picture (uint8 [h, w, 3]) are dark in all their corners, as round pictures leave them,
    whatever their size."""
    height, width = picture.shape[:2]
    if min(height, width // 2) < 32:
        return False
    small = _light(picture, 2 * SIDE, SIDE)
    corners = [half[rows, columns] for half in np.split(small, 2, axis=1) for rows in CORNER for columns in CORNER]
    return all(np.median(corner) <= DARK for corner in corners)


def disc_radius(picture: np.ndarray) -> float | None:
    """The radius in pixels of the one disc on black that a picture (uint8 [h, w, 3]) shows at its center, as high as
    the picture; None if it shows none."""
    height, width = picture.shape[:2]
    if not 0.97 <= width / height <= WIDEST or height < 32:
        return None
    side = min(width, height)
    left = (width - side) // 2
    beside = [part for part in (picture[:, :left], picture[:, left + side :]) if part.size]
    if any(_light(part, 8, SIDE).max() > BLACK for part in beside):
        return None
    radius = _radius(_light(picture[:, left : left + side], SIDE, SIDE))
    return None if radius is None else radius * side / 2


def _light(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The brightest channel of the reduced picture, float32 [height, width]."""
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).max(axis=2).astype(np.float32)


def _centered(light: np.ndarray) -> np.ndarray:
    """The square [s, s], moved by at most AWAY so that what is lit is in its middle; black comes in."""
    lit = light > BLACK + LIT
    most = round(AWAY * len(light) / 2)
    steps = []
    for axis in (0, 1):
        places = np.flatnonzero(lit.mean(axis=1 - axis) > EDGE)
        middle = (places[0] + places[-1]) / 2 if len(places) else (len(light) - 1) / 2
        steps.append(max(-most, min(most, (len(light) - 1) / 2 - middle)))
    moving = np.array([[1, 0, steps[1]], [0, 1, steps[0]]], np.float32)
    return cv2.warpAffine(light, moving, light.shape[::-1], flags=cv2.INTER_LINEAR, borderValue=0)


def _radius(light: np.ndarray) -> float | None:
    """The radius of the disc in a square [s, s], as a part of half its side; None if there is none.

    A disc that fills its square leaves only the corners black, so directions within 15 degrees of the diagonals are
    tested. Everything outside must be black, and just inside it must be lit nearly everywhere: a dark sky over dark
    ground has no such circle.
    """
    half = len(light) / 2
    away = np.hypot(*(axis / half for axis in np.ogrid[0.5 - half : half, 0.5 - half : half]))
    if np.median(light[away > BEYOND]) > BLACK:
        return None
    angles = np.radians([corner + step for corner in (45, 135, 225, 315) for step in range(-15, 16, 3)])
    found, best = None, 0.0
    for radius in RADII:
        if np.percentile(light[away > radius + GAP], 98) > BLACK:
            continue
        inside, outside = (_ring(light, radius + side, angles) for side in (-GAP, GAP))
        steps = inside - outside
        if (steps > LIT).mean() >= ROUND and float(np.median(steps)) > best:
            found, best = float(radius), float(np.median(steps))
    return None if found is None else _edge(light, found, angles)


def _edge(light: np.ndarray, near: float, angles: np.ndarray) -> float:
    """The radius near `near` at which half the light of the disc is left."""
    radii = np.linspace(near - GAP, near + GAP, 29)
    levels = np.array([np.median(_ring(light, radius, angles)) for radius in radii])
    return float(radii[np.argmin(np.abs(levels - (levels[0] + levels[-1]) / 2))])


def _ring(light: np.ndarray, radius: float, angles: np.ndarray) -> np.ndarray:
    half = len(light) / 2
    across, down = (half * (1 + radius * turn(angles)) - 0.5 for turn in (np.cos, np.sin))
    places = (across.astype(np.float32)[None], down.astype(np.float32)[None])
    return cv2.remap(light, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
