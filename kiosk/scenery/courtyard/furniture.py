"""The plaza's objects: columns, urns with plants, cypresses, pines, shrubs, and balloons."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.courtyard import arcade
from kiosk.scenery.shared.foliage import clumps
from kiosk.scenery.shared.noise import Noise
from kiosk.scenery.shared.revolution import Revolution
from kiosk.scenery.shared.shaping import smooth

_COLUMN = [
    (0.00, 0.62), (0.20, 0.62), (0.205, 0.56), (0.24, 0.60), (0.30, 0.615), (0.36, 0.60), (0.40, 0.55),
    (0.43, 0.49), (0.47, 0.475), (0.51, 0.50), (0.53, 0.53), (0.57, 0.54), (0.61, 0.525), (0.64, 0.475),
    (0.68, 0.445), (0.80, 0.430), (1.80, 0.425), (3.28, 0.365), (3.34, 0.40), (3.38, 0.415), (3.42, 0.40),
    (3.46, 0.37), (3.60, 0.375), (3.80, 0.41), (3.95, 0.50), (4.03, 0.58), (4.05, 0.60), (4.055, 0.68),
    (4.20, 0.68), (4.205, 0.71), (4.30, 0.72), (4.32, 0.72),
]  # fmt: skip
_URN = [
    (0.00, 0.38), (0.10, 0.38), (0.12, 0.30), (0.60, 0.27), (0.64, 0.33), (0.74, 0.36), (0.76, 0.36), (0.77, 0.17),
    (0.81, 0.16), (0.85, 0.09), (0.92, 0.12), (1.05, 0.24), (1.25, 0.355), (1.38, 0.375), (1.50, 0.345),
    (1.62, 0.25), (1.72, 0.17), (1.82, 0.16), (1.88, 0.22), (1.93, 0.245), (1.96, 0.24),
]  # fmt: skip
_CYPRESS = [(0, 0.13), (0.5, 0.13), (0.62, 0.5), (1.4, 0.85), (3, 1.0), (5, 0.9), (7, 0.62), (8.6, 0.24), (9.4, 0.02)]
_PINE = [
    (0, 0.24), (1.0, 0.18), (2.9, 0.17), (3.1, 0.6), (3.3, 1.8), (3.7, 2.55), (4.2, 2.5), (4.8, 1.9), (5.2, 1.1),
    (5.4, 0.1),
]  # fmt: skip
_SHRUB = [(0, 0.55), (0.25, 0.85), (0.6, 1.0), (1.0, 0.85), (1.3, 0.5), (1.45, 0.05)]
_BALLOON = [
    (0, 0.95), (0.1, 1.05), (1.7, 1.15), (1.75, 0.5), (1.8, 0.16), (4.5, 0.22), (4.6, 1.5), (6, 2.6), (9, 5.0),
    (12, 7.1), (15, 8.3), (17.5, 8.5), (20, 7.8), (22, 6.2), (23.4, 3.8), (24.1, 1.2), (24.2, 0.1),
]  # fmt: skip


def _ring(angles: np.ndarray, radii: np.ndarray, y: float = 0.0) -> np.ndarray:
    return np.stack([radii * np.sin(angles), np.full_like(angles, y), radii * np.cos(angles)], -1).astype(np.float32)


def _acanthus(angle: np.ndarray, y: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Two tiers of eight leaves on the bell of the capital."""
    bump = np.zeros_like(y)
    at = np.flatnonzero((y > 3.44) & (y < 4.06))
    if len(at):
        h, turn = y[at], angle[at]
        lower = smooth(3.46, 3.68, h) * smooth(3.80, 3.72, h) * np.abs(np.cos(4 * turn)) ** 0.7
        upper = smooth(3.66, 3.92, h) * smooth(4.05, 3.98, h) * np.abs(np.sin(4 * turn)) ** 0.7
        veins = 0.8 + 0.2 * np.abs(np.cos(24 * turn))
        bump[at] = (0.085 * lower + 0.085 * upper) * veins
    return bump


def columns(rng: np.random.Generator) -> Revolution:
    """The arcade's columns. Those under a fallen wall are broken off."""
    angles = np.arange(arcade.BAYS) * (2 * np.pi / arcade.BAYS)
    broken = rng.uniform(0.22, 0.72, arcade.BAYS)
    whole = np.array([arcade.stands(float(angle)) for angle in angles])
    places = _ring(angles, np.full(arcade.BAYS, arcade.MIDDLE))
    return Revolution(_COLUMN, places, cut=np.where(whole, 1.0, broken), bumps=_acanthus, swell=0.03)


def urns() -> Revolution:
    """Painted urns on pedestals around the pool, one per two arches."""
    angles = (np.arange(7) * 2 + 0.5) * (2 * np.pi / arcade.BAYS)
    return Revolution(_URN, _ring(angles, np.full(7, 6.25)), scale=0.92)


def urn_plants(noise: Noise) -> Revolution:
    """Bushy plants in the urns."""
    angles = (np.arange(7) * 2 + 0.5) * (2 * np.pi / arcade.BAYS)
    return Revolution(
        _SHRUB, _ring(angles, np.full(7, 6.25), 1.74), scale=[0.40, 0.5, 0.36, 0.46, 0.38, 0.5, 0.42],
        bumps=clumps(noise, 0.30, 1.6), swell=0.30,
    )  # fmt: skip


def cypresses(rng: np.random.Generator, noise: Noise) -> Revolution:
    """Cypresses outside the ring, sparser toward the open sea."""
    angles = np.radians([22, 31, 64, 71, 96, 118, 127, 158, 172, 196, 214, 236, 262, 285, 292, 343])
    radii = rng.uniform(14.5, 21.0, len(angles))
    scale = rng.uniform(0.72, 1.2, len(angles))
    return Revolution(_CYPRESS, _ring(angles, radii), scale=scale, bumps=clumps(noise, 0.26, 4.0, 0.5), swell=0.26)


def pines(rng: np.random.Generator, noise: Noise) -> Revolution:
    """Umbrella pines and olive trees farther out."""
    angles = np.radians([8, 46, 84, 106, 142, 184, 226, 250, 274, 306, 330])
    radii = rng.uniform(17.5, 24.0, len(angles))
    scale = rng.uniform(0.8, 1.25, len(angles))
    return Revolution(_PINE, _ring(angles, radii), scale=scale, bumps=clumps(noise, 0.55, 3.2, 3.0), swell=0.55)


def shrubs(rng: np.random.Generator, noise: Noise) -> Revolution:
    """Low scrub along the edge of the hilltop."""
    count = 44
    angles = np.arange(count) * (2 * np.pi / count) + rng.uniform(-0.06, 0.06, count)
    scale = rng.uniform(0.5, 1.25, count)
    return Revolution(
        _SHRUB,
        _ring(angles, rng.uniform(22.5, 26.5, count), -0.1),
        scale=scale,
        bumps=clumps(noise, 0.34, 1.9),
        swell=0.34,
    )


def balloons() -> Revolution:
    """Three hot-air balloons."""
    places = np.array([(62, 40, 96), (-128, 62, 40), (36, 96, -58)], np.float32)
    return Revolution(_BALLOON, places, scale=[0.95, 0.9, 1.0])
