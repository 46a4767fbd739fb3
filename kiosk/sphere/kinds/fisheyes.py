"""Recognize the discs of circular fisheye lenses by their pixels."""

from __future__ import annotations

from dataclasses import dataclass

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
LEAST = 0.55
"""Radius of a disc that does not fill its picture or half, as a part of half its shorter side, at least."""
FRAMED = 0.9
"""Radius of a disc in the square that is laid around it, as a part of half the square's side."""
UNLIKE = 0.1
"""How much such a disc's width and height, or the radii of two, may differ, relative."""
DIAGONALS = np.radians([corner + step for corner in (45, 135, 225, 315) for step in range(-15, 16, 3)])
"""Directions in which a disc that fills its square ends inside it."""
AROUND = np.radians(np.arange(0, 360, 5))


@dataclass(frozen=True)
class Disc:
    """A disc in a picture, in pixels; (0, 0) is the picture's upper left corner."""

    x: float
    y: float
    radius: float


def has_two_discs(picture: np.ndarray) -> bool:
    """Whether a picture (uint8 [h, w, 3]) holds two round pictures side by side on black, as 360 cameras store them
    before stitching."""
    height, width = picture.shape[:2]
    if abs(width / (2 * height) - 1) > 0.01 or height < 32:
        return False
    small = _light(picture, 2 * SIDE, SIDE)
    halves = small[:, :SIDE], small[:, SIDE:]
    if all(_radius(half) is not None or _radius(_centered(half)) is not None for half in halves):
        return True
    found = [_framed(half) for half in np.split(_light(picture, 4 * SIDE, 2 * SIDE), 2, axis=1)]
    radii = [disc.radius for disc in found if disc is not None]
    return len(radii) == 2 and max(radii) <= (1 + UNLIKE) * min(radii)


def has_dark_corners(picture: np.ndarray) -> bool:
    """Whether both halves of a picture (uint8 [h, w, 3]) are dark in all their corners, as round pictures leave them,
    whatever their size."""
    height, width = picture.shape[:2]
    if min(height, width // 2) < 32:
        return False
    small = _light(picture, 2 * SIDE, SIDE)
    corners = [half[rows, columns] for half in np.split(small, 2, axis=1) for rows in CORNER for columns in CORNER]
    return all(np.median(corner) <= DARK for corner in corners)


def find_disc(picture: np.ndarray) -> Disc | None:
    """The one disc on black that a picture (uint8 [h, w, 3]) shows: as high as the picture, with its center in the
    picture's, or whole and anywhere. None if it shows none."""
    height, width = picture.shape[:2]
    if not 1 / WIDEST <= width / height <= WIDEST or min(width, height) < 32:
        return None
    filling = _filling_radius(picture)
    if filling is not None:
        return Disc(width / 2, height / 2, filling)
    scale = min(1.0, 2 * SIDE / min(width, height))
    small = _light(picture, round(width * scale), round(height * scale))
    found = _framed(small)
    if found is None:
        return None
    across, down = width / small.shape[1], height / small.shape[0]
    return Disc(found.x * across, found.y * down, found.radius * (across + down) / 2)


def _filling_radius(picture: np.ndarray) -> float | None:
    height, width = picture.shape[:2]
    if width / height < 0.97:
        return None
    side = min(width, height)
    left = (width - side) // 2
    beside = [part for part in (picture[:, :left], picture[:, left + side :]) if part.size]
    if any(_light(part, 8, SIDE).max() > BLACK for part in beside):
        return None
    radius = _radius(_light(picture[:, left : left + side], SIDE, SIDE))
    return None if radius is None else radius * side / 2


def _framed(light: np.ndarray) -> Disc | None:
    """The disc, whole and anywhere, that a picture [h, w] shows: a square is laid around all that is lit."""
    lit = light > BLACK + LIT
    spans = [np.flatnonzero(lit.mean(axis=axis) > EDGE) for axis in (0, 1)]
    if not all(len(span) for span in spans):
        return None
    wide, high = (int(span[-1] - span[0]) + 1 for span in spans)
    least = LEAST * min(light.shape)
    if min(wide, high) < least or max(wide, high) > (1 + UNLIKE) * min(wide, high):
        return None
    x, y = (float(span[0] + span[-1] + 1) / 2 for span in spans)
    side = max(wide, high) / FRAMED
    square = _cut_square(light, x, y, side)
    rough = _radius(square, AROUND)
    if rough is None:
        return None
    right, down = _off_center(square, rough)
    x, y = x + right * side / 2, y + down * side / 2
    radius = (_radius(_cut_square(light, x, y, side), AROUND) or rough) * side / 2
    rows, columns = np.ogrid[0.5 : light.shape[0], 0.5 : light.shape[1]]
    outside = light[np.hypot(columns - x, rows - y) > (1 + 2 * GAP) * radius]
    if outside.size and np.percentile(outside, 98) > BLACK:
        return None
    return Disc(x, y, radius) if 2 * radius >= least else None


def _cut_square(light: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """The square around (x, y), reduced to [SIDE, SIDE]; black beyond the picture."""
    scale = SIDE / side
    moving = np.array([[scale, 0, SIDE / 2 - scale * x], [0, scale, SIDE / 2 - scale * y]], np.float32)
    # Affine maps count from the center of the first pixel.
    moving[:, 2] += (scale - 1) / 2
    return cv2.warpAffine(light, moving, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderValue=0)


def _off_center(square: np.ndarray, radius: float) -> tuple[float, float]:
    """How far to the right of and below a square's middle the center of its disc is, as parts of half its side."""
    radii = np.linspace(radius - 2 * GAP, radius + 2 * GAP, 57)
    levels = np.array([_ring(square, each, AROUND) for each in radii])
    half = (levels[0] + levels[-1]) / 2
    edges = radii[np.argmax(levels < half, axis=0)]
    sharp = levels[0] - levels[-1] > LIT
    x, y = edges[sharp] * np.cos(AROUND[sharp]), edges[sharp] * np.sin(AROUND[sharp])
    # A circle through all edges, by least squares: x^2 + y^2 = 2 a x + 2 b y + c.
    fitted, *_ = np.linalg.lstsq(np.stack([2 * x, 2 * y, np.ones_like(x)], axis=1), x * x + y * y, rcond=None)
    return float(fitted[0]), float(fitted[1])


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


def _radius(light: np.ndarray, angles: np.ndarray = DIAGONALS) -> float | None:
    """The radius of the disc in a square [s, s], as a part of half its side; None if there is none.

    A disc that fills its square leaves only the corners black, so directions near the diagonals are tested. Everything
    outside must be black, and just inside it must be lit nearly everywhere: a dark sky over dark ground has no such
    circle.
    """
    half = len(light) / 2
    away = np.hypot(*(axis / half for axis in np.ogrid[0.5 - half : half, 0.5 - half : half]))
    if np.median(light[away > BEYOND]) > BLACK:
        return None
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
