"""Small elementwise functions for procedural shading, on float32 arrays."""

from __future__ import annotations

import numpy as np


def vector(*values: float) -> np.ndarray:
    """A float32 array of the numbers: a color (linear RGB), a point or a direction."""
    return np.array(values, np.float32)


def smooth(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Smoothstep: 0 below `low`, 1 above `high`, cubic in between. `low` > `high` reverses it."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def mix(a, b, weight):
    """Interpolate linearly from `a` (`weight` 0) to `b` (`weight` 1). Colors [3] or [N, 3] take a weight [N]."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if np.ndim(weight) == 1 and (a.ndim == 2 or b.ndim == 2 or a.shape == (3,)):
        weight = weight[:, None]
    return a + (b - a) * weight


def inside(distance: np.ndarray, footprint: np.ndarray | float) -> np.ndarray:
    """Antialiased step: the fraction of a pixel `footprint` wide where `distance` is positive."""
    return np.clip(distance / np.maximum(footprint, 1e-6) + 0.5, 0, 1)


def line(distance: np.ndarray, half_width: float, footprint: np.ndarray | float) -> np.ndarray:
    """Fraction of a pixel `footprint` wide covered by a line of `half_width` whose center is `distance` (>= 0) away."""
    thin = np.minimum(1, 2 * half_width / np.maximum(footprint, 1e-6))
    return inside(half_width - distance, np.maximum(footprint, half_width * 0.5)) * thin


def to_cell_edge(x: np.ndarray) -> np.ndarray:
    """Distance from `x` to the nearest integer."""
    return np.abs(x - np.rint(x))


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row-wise dot product of [N, 3] with [N, 3] or [3], float32 [N]."""
    if b.ndim == 1:
        return a[:, 0] * b[0] + a[:, 1] * b[1] + a[:, 2] * b[2]
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def unit(a: np.ndarray) -> np.ndarray:
    """Normalize vectors [N, 3] to length 1."""
    return a / np.sqrt(np.maximum(dot(a, a), 1e-12))[:, None]
