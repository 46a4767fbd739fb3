"""The geometry of the salon: its walls, and the positions of windows, pictures and carpet."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.salon import textiles
from kiosk.scenery.salon.canvases import Canvas
from kiosk.scenery.shared.shaping import inside, line, to_cell_edge

HALF_X, HALF_Z, HEIGHT = np.float32(3.6), np.float32(4.6), np.float32(3.75)
SILL, LINTEL, HALF_WINDOW = 0.55, 3.05, 0.62
WINDOWS = (-2.9, 0.0, 2.9)
"""Centers of the windows in the western wall, meters along z."""
PANE = (0.31, 0.50)
DEEP = 0.24
"""Thickness of the wall at the windows, meters."""
FLOOR, CEILING, WEST, EAST, SOUTH, NORTH, OUTSIDE, FIRST_SOLID = range(8)
NORMALS = np.array([(0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)], np.float32)
PICTURES = {
    SOUTH: (Canvas(-1.15, 2.02, (0.86, 0.58), 0), Canvas(1.35, 2.02, (0.55, 0.66), 2)),
    NORTH: (Canvas(0.0, 2.05, (1.05, 0.68), 1),),
}
CARPET_X, CARPET_Z = np.float32(0.25), np.float32(0.30)


def on_carpet(p) -> np.ndarray:
    return (np.abs(p[:, 0] - CARPET_X) < textiles.CARPET[1]) & (np.abs(p[:, 2] - CARPET_Z) < textiles.CARPET[0])


def meet_walls(o, d) -> tuple[np.ndarray, np.ndarray]:
    """The distance to the wall that each ray from inside the room hits, and the wall's index."""
    far = np.float32(1e9)
    distance, kind = np.full(len(d), far), np.zeros(len(d), np.int16)
    for axis, low, high, names in (
        (1, np.float32(0), HEIGHT, (FLOOR, CEILING)),
        (0, -HALF_X, HALF_X, (WEST, EAST)),
        (2, -HALF_Z, HALF_Z, (SOUTH, NORTH)),
    ):
        way = d[:, axis]
        limit = np.where(way < 0, low, high)
        t = np.where(np.abs(way) > 1e-7, (limit - o[:, axis]) / np.where(np.abs(way) > 1e-7, way, 1), far)
        nearer = t < distance
        distance[nearer] = t[nearer]
        kind[nearer] = np.where(way[nearer] < 0, *names)
    return np.maximum(distance, 1e-4).astype(np.float32), kind


def arch(u: np.ndarray) -> np.ndarray:
    """Height in meters of a window's upper edge, a flat arch, at `u` from its center."""
    return LINTEL - 0.35 * (u / HALF_WINDOW) ** 2


def within_window(u: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance in meters from a window's edge, positive inside. `u`: from its center. `y`: above the floor."""
    return np.minimum(HALF_WINDOW - np.abs(u), np.minimum(y - SILL, arch(u) - y))


def glazed(p) -> np.ndarray:
    """Whether points of the western wall lie within a window."""
    openings = [within_window(p[:, 2] - np.float32(middle), p[:, 1]) > 0 for middle in WINDOWS]
    return np.logical_or.reduce(openings)


def bars(u, y, footprint) -> np.ndarray:
    """Fraction of a pixel covered by a window's bars, at `u` from its center."""
    upright = line(to_cell_edge(u / PANE[0]) * PANE[0], 0.017, footprint)
    level = line(to_cell_edge((y - SILL) / PANE[1]) * PANE[1], 0.014, footprint)
    rim = inside(0.045 - np.minimum(HALF_WINDOW - np.abs(u), arch(u) - y), footprint)
    return np.clip(np.maximum(np.maximum(upright, level), rim), 0, 1)
