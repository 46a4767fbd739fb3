"""The small curves that procedural shading is made of; all work on float32 arrays, element by element."""

from __future__ import annotations

import numpy as np


def vector(*values: float) -> np.ndarray:
    """The numbers as a float32 array: a colour (linear RGB), a point, a direction."""
    return np.array(values, np.float32)


def smooth(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, a cubic ease between (`low` > `high` turns it round)."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def mix(a, b, weight):
    """`a` where `weight` is 0, `b` where it is 1; colours [3] or [N, 3] take a weight [N]."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if np.ndim(weight) == 1 and (a.ndim == 2 or b.ndim == 2 or a.shape == (3,)):
        weight = weight[:, None]
    return a + (b - a) * weight


def inside(distance: np.ndarray, footprint: np.ndarray | float) -> np.ndarray:
    """Share of a pixel `footprint` wide that lies where `distance` is positive: an antialiased step."""
    return np.clip(distance / np.maximum(footprint, 1e-6) + 0.5, 0, 1)


def line(distance: np.ndarray, half_width: float, footprint: np.ndarray | float) -> np.ndarray:
    """Share of a pixel covered by a line whose middle is `distance` (>= 0) away."""
    thin = np.minimum(1, 2 * half_width / np.maximum(footprint, 1e-6))
    return inside(half_width - distance, np.maximum(footprint, half_width * 0.5)) * thin


def to_cell_edge(x: np.ndarray) -> np.ndarray:
    """Distance from `x` to the nearest whole number."""
    return np.abs(x - np.rint(x))


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row by row scalar product of [N, 3] with [N, 3] or [3], float32 [N]."""
    if b.ndim == 1:
        return a[:, 0] * b[0] + a[:, 1] * b[1] + a[:, 2] * b[2]
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def unit(a: np.ndarray) -> np.ndarray:
    """The vectors [N, 3] at length 1."""
    return a / np.sqrt(np.maximum(dot(a, a), 1e-12))[:, None]
