"""The room's furniture: tables, vases, a globe, lamps, stools, plants and a chandelier."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.foliage import clumps
from kiosk.scenery.shared.noise import Noise
from kiosk.scenery.shared.revolution import Revolution

_TABLE = [
    (0.00, 0.34), (0.03, 0.34), (0.05, 0.26), (0.09, 0.10), (0.16, 0.065), (0.26, 0.11), (0.34, 0.12), (0.44, 0.06),
    (0.62, 0.05), (0.68, 0.10), (0.705, 0.14), (0.71, 0.56), (0.735, 0.58), (0.75, 0.57),
]  # fmt: skip
_VASE = [
    (0.00, 0.12), (0.02, 0.13), (0.05, 0.11), (0.16, 0.20), (0.30, 0.255), (0.42, 0.235), (0.54, 0.13), (0.60, 0.10),
    (0.66, 0.115), (0.70, 0.15), (0.715, 0.15),
]  # fmt: skip
_GLOBE = [
    (0.00, 0.26), (0.03, 0.26), (0.05, 0.07), (0.30, 0.05), (0.34, 0.09), (0.38, 0.05), (0.55, 0.04), (0.57, 0.06),
    (0.58, 0.02), (0.60, 0.10), (0.64, 0.20), (0.70, 0.28), (0.80, 0.345), (0.90, 0.365), (1.00, 0.345), (1.10, 0.28),
    (1.16, 0.20), (1.20, 0.10), (1.215, 0.01),
]  # fmt: skip
_LAMP = [
    (0.00, 0.17), (0.03, 0.17), (0.05, 0.03), (0.70, 0.02), (0.74, 0.045), (0.78, 0.02), (1.38, 0.016), (1.40, 0.016),
    (1.405, 0.30), (1.42, 0.30), (1.78, 0.17), (1.785, 0.16),
]  # fmt: skip
_STOOL = [
    (0.00, 0.22), (0.06, 0.24), (0.08, 0.30), (0.14, 0.335), (0.26, 0.345), (0.36, 0.335), (0.41, 0.28), (0.435, 0.15),
    (0.44, 0.02),
]  # fmt: skip
_POT = [(0.00, 0.20), (0.04, 0.21), (0.36, 0.28), (0.40, 0.31), (0.46, 0.31), (0.47, 0.27), (0.475, 0.02)]
_PALM = [(0, 0.06), (0.3, 0.06), (0.36, 0.25), (0.7, 0.55), (1.1, 0.70), (1.5, 0.58), (1.8, 0.28), (1.95, 0.03)]
_BOUQUET = [(0.0, 0.08), (0.06, 0.16), (0.18, 0.29), (0.32, 0.32), (0.44, 0.25), (0.52, 0.04)]
_CHANDELIER = [
    (0.00, 0.01), (0.03, 0.05), (0.08, 0.09), (0.14, 0.06), (0.18, 0.04), (0.24, 0.12), (0.27, 0.42), (0.30, 0.46),
    (0.33, 0.42), (0.35, 0.10), (0.46, 0.05), (0.60, 0.11), (0.66, 0.05), (0.74, 0.22), (0.77, 0.24), (0.80, 0.06),
    (0.86, 0.012), (1.30, 0.012),
]  # fmt: skip
_CANDLE = [(0.00, 0.03), (0.02, 0.035), (0.03, 0.014), (0.13, 0.014), (0.132, 0.008), (0.15, 0.017), (0.19, 0.002)]

CHANDELIER = (0.0, 2.45, -0.9)
"""Its lowest point, meters."""
LAMPS = ((-2.9, 0.0, -3.75), (2.75, 0.0, 3.75))
"""Positions of the floor lamps' feet, meters."""
SHADE = 1.40
"""Height above a lamp's foot where its shade begins, meters."""
CANDLES = 10


def tables() -> Revolution:
    """A round table and a smaller one by the window."""
    return Revolution(_TABLE, np.array([(1.45, 0, -1.75), (-2.55, 0, 0.55)]), scale=[1.15, 0.92])


def vases() -> Revolution:
    """Vases on both tables and on the floor."""
    return Revolution(
        _VASE, np.array([(1.45, 0.8625, -1.75), (-2.55, 0.69, 0.55), (3.0, 0, -4.0)]), scale=[0.62, 0.5, 1.35]
    )


def bouquets(noise: Noise) -> Revolution:
    """Flowers in the vases."""
    places = np.array([(1.45, 1.28, -1.75), (-2.55, 1.03, 0.55), (3.0, 0.93, -4.0)])
    return Revolution(_BOUQUET, places, scale=[1.0, 0.8, 1.6], bumps=clumps(noise, 0.10, 0.5), swell=0.10)


def globe() -> Revolution:
    """A globe on its stand."""
    return Revolution(_GLOBE, np.array([(-1.75, 0, 2.75)]), scale=1.05)


def lamps() -> Revolution:
    """Floor lamps with cloth shades."""
    return Revolution(_LAMP, np.array(LAMPS), scale=1.0)


def stools() -> Revolution:
    """Round upholstered stools."""
    places = np.array([(0.55, 0, -2.55), (2.35, 0, -1.15), (-1.95, 0, -0.35), (0.9, 0, 2.2)])
    return Revolution(_STOOL, places, scale=[0.95, 0.95, 0.9, 1.15])


def pots() -> Revolution:
    """Pots for the palms."""
    return Revolution(_POT, np.array([(-3.05, 0, 3.9), (-3.05, 0, -2.05)]), scale=[1.1, 0.9])


def palms(noise: Noise) -> Revolution:
    """Bushy plants in the pots."""
    places = np.array([(-3.05, 0.42, 3.9), (-3.05, 0.34, -2.05)])
    return Revolution(_PALM, places, scale=[1.0, 0.75], bumps=clumps(noise, 0.28, 0.9, 0.3), swell=0.28)


def chandelier() -> Revolution:
    """The brass chandelier on the ceiling."""
    return Revolution(_CHANDELIER, np.array([CHANDELIER]), scale=1.0)


def candles() -> Revolution:
    """Burning candles in a ring on the chandelier."""
    turn = np.arange(CANDLES) * (2 * np.pi / CANDLES)
    places = np.stack([0.43 * np.sin(turn), np.full(CANDLES, 0.30), 0.43 * np.cos(turn)], -1) + np.array(CHANDELIER)
    return Revolution(_CANDLE, places, scale=1.0)
